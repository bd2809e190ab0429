#!/bin/sh
# Starts a local Kafka, or says that it is up. Settings: BROKERS (1 or 3), DIR, KAFKA_PORT.
exec "$(dirname "$0")/cli.sh" up "$@"
