#!/bin/sh
# Stops the local Kafka in DIR; --wipe also removes its data.
exec "$(dirname "$0")/cli.sh" down "$@"
