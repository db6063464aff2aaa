#!/bin/sh
# The `grebe` command of the container image. The daemon gets the two capabilities that it needs if the container
# may have them (--cap-add NET_ADMIN --cap-add NET_RAW); everything else runs without any.
set -eu
home=${GREBE_HOME:-/grebe}
capabilities='+net_admin,+net_raw'

if [ "${1:-}" = run ] &&
  "$home/setpriv" --inh-caps "$capabilities" --ambient-caps "$capabilities" true 2>/dev/null; then
  exec "$home/setpriv" --inh-caps "$capabilities" --ambient-caps "$capabilities" \
    node "$home/dist/src/cli/grebe.js" "$@"
fi
exec node "$home/dist/src/cli/grebe.js" "$@"
