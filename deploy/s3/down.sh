#!/bin/sh
# Stops the local S3 server in DIR; --wipe also removes its data.
exec "$(dirname "$0")/cli.sh" down "$@"
