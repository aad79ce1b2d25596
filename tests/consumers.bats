#!/usr/bin/env bats
# consumers.bats: the profiles of dist/profiles, and programs of Debian that take
# what they give: OpenVPN, strongSwan, FreeRADIUS, gpgsm.

# shellcheck disable=SC2154  # stderr is run's

load helper
load pki
load servers

# A CA for all, and what the first comment of each profile makes; with a key of
# that type where making one takes long.
makestore() {
	local file

	export CERTSTORE=$PWD/store
	cert-create -c ca
	cert-crl -q ca
	cp -R "$ROOT/dist/profiles" "$CERTSTORE"
	for file in "$CERTSTORE"/profiles/*; do
		sed -n 's/^#	//p' "$file" |
		    sed "s/-A [a-z]*-CA/-A ca/; s/ anna\$/ ${file##*/}/
		    s|-P smime|-K $DATA/keys/rsa3072.pem &|" >line
		echo '&& echo made' >>line
		[ "$(tr '\\\n' '  ' <line | sh)" = made ]
	done
}

setup() {
	common_setup
	shared profiled makestore
	export CERTSTORE=$shared/store
	certs=$CERTSTORE/certs
}

@test "each profile: its own line works, and is good for its purpose" {
	local file kind name

	run -0 cert-check
	[ -z "$(grep -v '^note' <<<"$output")" ]
	while read -r file name kind; do
		run -0 cert-verify -T "$certs/ca/cert.pem" -P "$kind" "$name"
		[ -z "$output" ]
		[ "$(cert-list -o kind "$name")" = "$kind" ]
		sed -i "/^$file\$/d" files
	done < <(ls "$ROOT/dist/profiles" >files; cat <<-'END'
		eap-tls-client eap-tls-client client
		eap-tls-server radius.example.com server
		openvpn-client openvpn-client client
		openvpn-server vpn.example.com server
		smime smime mail
		strongswan-client strongswan-client client
		strongswan-server gw.example.com server
	END
	)
	[ ! -s files ]
	grep -x -e '-t rsa:3072' "$ROOT/dist/profiles/smime"
	[ "$(cert-list -o key smime)" = rsa:3072 ]
}

# openvpn_end NAME ARG...: one end of a tunnel, without a device; ./NAME is its
# log.
openvpn_end() {
	openvpn --dev null --proto udp --ca "$certs/ca/cert.pem" \
	    --cert "$certs/$1/fullchain.pem" --key "$certs/$1/privkey.pem" \
	    "${@:2}" >"$1" 2>&1 3>&- &
	echo $! >>"$BATS_TEST_TMPDIR/servers"
}

@test "OpenVPN: remote-cert-tls of both ends, and the server's name" {
	want openvpn
	port=$(freeport)
	openvpn_end vpn.example.com --local 127.0.0.1 --port "$port" \
	    --tls-server --dh none --remote-cert-tls client \
	    --crl-verify "$CERTSTORE/crl/ca.pem"
	openvpn_end openvpn-client --remote 127.0.0.1 "$port" --nobind \
	    --tls-client --remote-cert-tls server \
	    --verify-x509-name vpn.example.com name
	logged openvpn-client 'Initialization Sequence Completed'
	grep '\[anna\] Peer Connection Initiated' vpn.example.com
	# a client is no server
	port=$(freeport)
	openvpn_end eap-tls-client --local 127.0.0.1 --port "$port" \
	    --tls-server --dh none
	openvpn_end strongswan-client --remote 127.0.0.1 "$port" --nobind \
	    --tls-client --remote-cert-tls server
	logged strongswan-client 'VERIFY ERROR.*unsuitable certificate purpose'
}

# One daemon is both ends, and the SA has no child, which would need a kernel
# with IPsec.
@test "strongSwan: a gateway and a user, each by its name" {
	want swanctl
	[ -x /usr/sbin/charon-systemd ] ||
	    skip 'charon-systemd is not installed: NOT TESTED'
	unshare --net --mount --pid --fork true 2>/dev/null ||
	    skip 'no namespaces here: NOT TESTED'
	mkdir -p swanctl/x509 swanctl/x509ca swanctl/private
	for name in gw.example.com strongswan-client; do
		cp "$certs/$name/cert.pem" "swanctl/x509/$name.pem"
		cp "$certs/$name/privkey.pem" "swanctl/private/$name.pem"
	done
	cp "$certs/ca/cert.pem" swanctl/x509ca/ca.pem
	cat >strongswan.conf <<-END
		charon { plugins { vici { socket = unix://$PWD/vici } } }
		swanctl { socket = unix://$PWD/vici }
	END
	cat >swanctl/swanctl.conf <<-'END'
	connections {
		gw {
			local_addrs = 127.0.0.1
			remote_addrs = 127.0.0.2
			childless = force
			local {
				auth = pubkey
				certs = gw.example.com.pem
				id = gw.example.com
			}
			remote {
				auth = pubkey
				cacerts = ca.pem
				id = anna@example.com
			}
		}
		anna {
			local_addrs = 127.0.0.2
			remote_addrs = 127.0.0.1
			childless = force
			local {
				auth = pubkey
				certs = strongswan-client.pem
				id = anna@example.com
			}
			remote {
				auth = pubkey
				cacerts = ca.pem
				id = gw.example.com
			}
		}
	}
	END
	cat >ike <<-'END'
		ip link set lo up
		mount -t tmpfs tmpfs /run
		/usr/sbin/charon-systemd >daemon 2>&1 &
		until [ -S vici ] || ! kill -0 $!; do sleep 0.02; done
		swanctl --load-all && swanctl --initiate --ike anna --timeout 20
	END
	STRONGSWAN_CONF=$PWD/strongswan.conf SWANCTL_DIR=$PWD/swanctl run -0 \
	    unshare --net --mount --pid --fork --kill-child --mount-proc \
	    sh ike 3>&-
	[[ $output = *"IKE_SA anna[1] established between 127.0.0.2[anna@example.com]...127.0.0.1[gw.example.com]"* ]]
}

@test "FreeRADIUS: EAP-TLS, with the policy of WPA3" {
	want freeradius
	want eapol_test
	port=$(freeport)
	cat >radiusd.conf <<-END
	prefix = /usr
	libdir = /usr/lib/freeradius
	raddbdir = $PWD
	run_dir = $PWD
	logdir = $PWD
	client local {
		ipaddr = 127.0.0.1
		secret = testing123
	}
	modules {
		eap {
			default_eap_type = tls
			tls-config store {
				certificate_file = $certs/radius.example.com/fullchain.pem
				private_key_file = $certs/radius.example.com/privkey.pem
				ca_file = $certs/ca/cert.pem
				check_cert_cn = anna
				ecdh_curve = prime256v1
			}
			tls {
				tls = store
			}
		}
	}
	server default {
		listen {
			type = auth
			ipaddr = 127.0.0.1
			port = $port
		}
		authorize {
			eap
		}
		authenticate {
			eap
		}
	}
	END
	cat >supplicant.conf <<-END
	network={
		key_mgmt=IEEE8021X
		eap=TLS
		identity="anna"
		ca_cert="$certs/ca/cert.pem"
		client_cert="$certs/eap-tls-client/fullchain.pem"
		private_key="$certs/eap-tls-client/privkey.pem"
		domain_match="radius.example.com"
		eapol_flags=0
	}
	END
	freeradius -X -d "$PWD" >log 2>&1 3>&- &
	echo $! >>"$BATS_TEST_TMPDIR/servers"
	logged log 'Ready to process requests'
	run -0 eapol_test -c supplicant.conf -a 127.0.0.1 -p "$port" \
	    -s testing123 -t 20
	[[ $output = *'Certificate Policy 1.3.6.1.4.1.40808.1.3.2'* ]]
	[[ $output = *$'\nSUCCESS' ]]
	# a server is no supplicant
	sed -i 's/check_cert_cn.*//' radiusd.conf
	sed -i 's/eap-tls-client/radius.example.com/' supplicant.conf
	run ! eapol_test -c supplicant.conf -a 127.0.0.1 -p "$port" \
	    -s testing123 -t 20
}

@test "S/MIME: openssl and gpgsm sign, verify, encrypt and decrypt" {
	own=(-inkey "$certs/smime/privkey.pem")
	printf 'Hello\n' >mail
	openssl cms -sign -binary -nodetach -in mail "${own[@]}" \
	    -signer "$certs/smime/cert.pem" -outform DER -out signed
	run -0 --separate-stderr openssl cms -verify -inform DER -in signed \
	    -purpose smimesign -CAfile "$certs/ca/cert.pem"
	[ "$output" = Hello ]
	want gpgsm
	mkdir -m 700 gnupg
	export GNUPGHOME=$PWD/gnupg
	echo "$(openssl x509 -in "$certs/ca/cert.pem" -noout -fingerprint |
	    sed 's/.*=//') S relax" >gnupg/trustlist.txt
	gpgsm="gpgsm --batch --disable-crl-checks"
	$gpgsm --import "$certs/ca/cert.pem" "$certs/smime/cert.pem" 3>&-
	run -0 $gpgsm --verify signed 3>&-
	[[ $output = *'Good signature from "/CN=Anna Example"'* ]]
	$gpgsm -r anna@example.com --encrypt -o sealed mail 3>&-
	gpgconf --kill all
	run -0 openssl cms -decrypt -inform DER -in sealed "${own[@]}" \
	    -recip "$certs/smime/cert.pem"
	[ "$output" = Hello ]
}
