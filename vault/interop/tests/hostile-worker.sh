#!/bin/sh
# A worker that takes its options and then answers whatever its file says, byte for byte.
/bin/dd bs=65540 count=1 of=/dev/null <&1 2>/dev/null
exec /bin/cat
