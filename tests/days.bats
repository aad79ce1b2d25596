#!/usr/bin/env bats
# days.bats: many days of a store in a short time; all of them with FAULTS=all.

load helper

@test "nothing expires, is delivered twice or forgotten" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be two hosts"
	unshare -m true 2>/dev/null || skip "cannot mount here"
	mkdir days
	cd days
	if [ "${FAULTS:-}" = all ]; then
		run -0 perl "$ROOT/tests/days" 60 200 1
	else
		run -0 perl "$ROOT/tests/days" 12 40 1
	fi
	[[ $output == *' deliveries, '* ]]
	# it was no idle time
	[[ $output != '0 lines'* ]]
	[ -n "${CERTSTORE_SANITIZE:-}" ] || [[ $output != *' 0 killed'* ]]
}
