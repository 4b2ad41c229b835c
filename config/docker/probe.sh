#!/bin/bash
# Asks the operator's port of the Handfast in this container: handfast-probe healthz|readyz     (the image has no curl)
# HANDFAST_ADMIN is its address, unless it is 127.0.0.1:6480. Exit 0: 200.
address=${HANDFAST_ADMIN:-127.0.0.1:6480}
exec 3<>"/dev/tcp/${address%:*}/${address##*:}" || exit 1
printf 'GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "${1:-healthz}" >&3
read -r -t 3 _ status _ <&3
[ "$status" = 200 ]
