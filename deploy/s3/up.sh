#!/bin/sh
# Starts a local S3 server with a bucket, or says that it is up. Settings: DIR, S3_PORT.
exec "$(dirname "$0")/cli.sh" up "$@"
