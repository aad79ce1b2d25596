#!/usr/bin/env bats
# acmedays.bats: many days of renewal by ACME in a short time, by a clock that
# is moved; more of them with FAULTS=all (make check-faults).

# shellcheck disable=SC2154  # run --separate-stderr sets stderr

load helper
load pki
load acmemock

window() {
	rules "ari * set suggestedWindow {\"start\":\"$(at "@$1")\",\"end\":\"$(at "@$2")\"}" \
	    "ari * header Retry-After $3"
}

# connections: how many the server has seen.
connections() {
	wc -l <"$BATS_FILE_TMPDIR/mock/connections"
}

@test "windows of all entries: over one connection, and no network in between" {
	local i names=()

	for i in $(seq 8); do
		order "e$i" >/dev/null
		names+=("e$i")
	done
	began=$(date +%s)
	window $((began + 20 * 86400)) $((began + 22 * 86400)) 21600
	run -0 --separate-stderr cert-acme -u "${names[@]}"
	[ -z "$output$stderr" ]
	was=$(connections)
	for i in 0 3600 20000; do
		run -0 --separate-stderr later $i cert-renew
		[ -z "$output$stderr" ]
		[ "$(asked ari)" -eq 8 ]
	done
	[ "$(connections)" -eq "$was" ]
	run -0 --separate-stderr later 22000 cert-renew
	[ -z "$output$stderr" ]
	[ "$(asked ari)" -eq 16 ]
	[ "$(connections)" -eq $((was + 1)) ]
}

@test "cron each few minutes: each at its own point, and few questions" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "takes minutes"
	local asked=0 end i last n=8 names=() now=0 step=300 t when

	[ "${FAULTS:-}" != all ] || { n=60; step=60; }
	for i in $(seq "$n"); do
		order "e$i" >/dev/null
		names+=("e$i")
	done
	began=$(date +%s)
	window $((began + 3600)) $((began + 3 * 3600)) 1800
	for t in $(seq 0 "$step" $((3 * 3600 + step))); do
		for i in "${names[@]}"; do
			[ ! -f "$CERTSTORE/acme/orders/$i/state" ] ||
			    [ -e "done.$i" ] || state "$i" ari-point >"point.$i"
		done
		# of the clock that cert-renew sees, which runs on meanwhile
		last=$now
		now=$((t + $(date +%s) - began))
		run -0 --separate-stderr later "$t" cert-renew
		[ -z "$stderr" ] || fail "$t: $stderr"
		end=$((t + $(date +%s) - began))
		for i in $output; do
			[ ! -e "done.$i" ] || fail "$i: twice"
			when=$(($(cat "point.$i") - began))
			echo "$t" >"done.$i"
			[ "$when" -ge "$last" ] && [ "$when" -le "$end" ] ||
			    fail "$i: between $now and $end, not $when"
			echo $((when - 3600)) >>points
			# looked at each half hour until then
			asked=$((asked + 1 + end / 1800))
			cert-set -q "$i" renew=no
		done
	done
	[ "$(wc -l <points)" -eq "$n" ] || fail "$(wc -l <points) of $n"
	[ "$(asked order)" -eq "$n" ]
	[ "$(asked ari)" -le "$asked" ] || fail "$(asked ari), not $asked"
	[ "$(asked ari)" -ge $((asked * 3 / 4)) ] ||
	    fail "$(asked ari), not $asked"
	# Kolmogorov and Smirnov: once in a million times by chance
	sort -n points | awk -v n="$n" '{ d = $1 / 7200 - NR / n
		if (d < 0) d = -d; if (d > max) max = d }
	    END { exit max > sqrt(14.5 / 2 / n) + 1 / n }' || fail "$(sort -n points)"
}

@test "160 hours, and a CA that is down a third of the time: never expired" {
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "takes minutes"
	local days=8 down=0 orders=0 t

	[ "${FAULTS:-}" != all ] || days=60
	began=$(date +%s)
	RANDOM=1
	issues() {
		printf 'finalize * issue from=%s to=%s\n' \
		    "$(stamp "@$((began + $1 - 3600))")" \
		    "$(stamp "@$((began + $1 + 159 * 3600))")"
	}
	rules "$(issues 0)"
	order www >/dev/null
	for t in $(seq 3600 3600 $((days * 86400))); do
		if [ $((RANDOM % 10)) -lt 3 ]; then
			down=$((down + 1))
			case $((RANDOM % 3)) in
			0) rules 'dir * problem 503 serverInternal' ;;
			1) rules 'order * problem 500 serverInternal' ;;
			*) rules 'finalize * problem 503 serverInternal' ;;
			esac
		else
			rules "$(issues "$t")"
		fi
		run --separate-stderr later "$t" cert-renew -q
		[ "$status" -ne 1 ]
		orders=$((orders + $(asked order || :)))
		[ "$(sed -n 's/^ends \([0-9]*\) .*/\1/p' "$CERTSTORE/certs/www/info")" \
		    -gt $((began + t + 8 * 3600)) ] || fail "$t: $stderr"
	done
	[ "$down" -gt $((days * 4)) ]
	# one each 80 hours, and some that failed
	[ "$orders" -ge $((days * 24 / 90)) ] && [ "$orders" -le $((days + 2)) ] ||
	    fail "$orders orders"
	pki entry "$CERTSTORE/certs/www"
}
