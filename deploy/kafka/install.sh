#!/bin/sh
# Puts the jars of Kafka (pom.xml names the version) into .tools/kafka/libs. Does nothing when they are already there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=$here/../../.tools/kafka
pom_hash=$(cksum <"$here/pom.xml")

if [ "$(cat "$home/stamp" 2>/dev/null)" = "$pom_hash" ] && command -v java >/dev/null; then
  exit 0
fi

java_major() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; }
missing() {
  [ "$(java_major)" -ge 17 ] 2>/dev/null || printf ' %s' openjdk-17-jre-headless
  command -v mvn >/dev/null || printf ' %s' maven
}

packages=$(missing)
if [ -n "$packages" ] && [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # shellcheck disable=SC2086 # a list of names
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
  packages=$(missing)
fi
if [ -n "$packages" ]; then
  echo "kafka: Java 17 or newer and Maven are needed; missing here:$packages (Debian: sudo apt-get install$packages)" >&2
  exit 1
fi

# The stamp is written last, so an interrupted copy is done again from the start.
rm -rf "$home"
mkdir -p "$home"
mvn -Dstyle.color=never --batch-mode --quiet -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$home/libs"
"$here/cli.sh" archive
echo "$pom_hash" >"$home/stamp"
echo "kafka: $(ls "$home/libs" | wc -l) jars in .tools/kafka/libs" >&2
