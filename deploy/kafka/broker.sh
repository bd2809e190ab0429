#!/bin/sh
# broker.sh N kill|stop|pause|resume|start: harms or mends one broker of the local Kafka.
exec "$(dirname "$0")/cli.sh" broker "$@"
