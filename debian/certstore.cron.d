# What cert-renew.timer does, where there is no systemd.
PATH=/usr/bin:/usr/local/bin:/bin
17 * * * *	root	[ -d /run/systemd/system ] || ! [ -x /usr/bin/cert-renew ] || ! [ -e "${CERTSTORE:-/var/lib/certstore/certs}" ] || { cert-renew -q; cert-deploy -q; }
