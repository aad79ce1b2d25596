#!/usr/bin/env bats
# completion.bats: what the shells complete, and that it is what the commands
# know.

load helper
load pki

setup_file() {
	unset MAKEFLAGS MAKELEVEL
	# with a DESTDIR, ldconfig is not run
	make -s -C "$BATS_TEST_DIRNAME/.." install DESTDIR=/ \
	    PREFIX="$BATS_FILE_TMPDIR"
}

setup() {
	common_setup
	[ -z "${CERTSTORE_SANITIZE:-}" ] || skip "it is sh and awk"
	share=$BATS_FILE_TMPDIR/share
	table=$share/certstore/completion
	complete=$BATS_FILE_TMPDIR/libexec/certstore/complete
}

# offered WORD...: what may stand in the place of the last word.
offered() {
	"$complete" "$@" | cut -f 1 | sort | xargs -d '\n'
}

# words WHAT [COMMAND]: those of the table, sorted.
words() {
	awk -F '\t' -v what="$1" -v who="${2:-*}" '
	    $1 == who && $2 == what {
		gsub("=[^ ]*|:<[^ ]*", "", $3); print $3
	    }' \
	    "$table" | tr ' ' '\n' | grep -vE '^[,-]?$|^<' | sort -u
}

# same ACTUAL WHAT [COMMAND]: the words after "use " in a message are those.
same() {
	local message=$1

	shift
	[ "$(sed -n 's/.*: use //p' <<<"$message" |
	    sed -E 's/; o[fr].*|or another .*//; s/:[A-Za-z]+|=[^ ,]*//g' |
	    tr -s ', ' '\n\n' | grep -vxE 'or|one|of|x-NAME' | sort -u)" = "$(words "$@" | grep -vx x-)" ] ||
	    fail "$*: $(words "$@" | xargs): $message"
}

# astore: entries, hosts and others of all kinds.
astore() {
	cert-create -c site-CA
	cert-create -A site-CA -s www.example.com -s '*.example.com' \
	    -s 2001:db8::1 www.example.com
	cert-set -q www.example.com tenant=tenant.example.com
	cert-show -o root site-CA | cert-trust -q -f -T phones add
	mkdir -p "$CERTSTORE/hooks" "$CERTSTORE/acme/accounts/letsencrypt"
	mkdir "$CERTSTORE/profiles"
	touch "$CERTSTORE/profiles/vpn" "$CERTSTORE/profiles/vpn~"
	touch "$CERTSTORE/hooks/nginx" "$CERTSTORE/hooks/dns.env"
	mkdir directory
	cert-create -d directory/other -s one.example.com one
	touch file.pem
}

# lines: a line, and what it is after a tabulator.
lines() {
	cat <<-'END'
	cert-show www
	cert-show www.example.com 
	cert-show -d directory/other on
	cert-show -d directory/other one 
	cert-show -qddirectory/other on
	cert-show -qddirectory/other one 
	cert-match w
	cert-match www.example.com 
	cert-match '*.ex
	cert-match '*.example.com' 
	cert-match \*.
	cert-match \*.example.com 
	cert-match 2001:db8:
	cert-match 2001:db8::1 
	cert-match te
	cert-match tenant.example.com 
	cert-match -t rsa:3
	cert-match -t rsa:3072 
	cert-list -jo name,subj
	cert-list -jo name,subject 
	cert-list -k server,wa
	cert-list -k server,waiting 
	cert-create -A si
	cert-create -A site-CA 
	cert-set @st
	cert-set @store 
	cert-set one keepk
	cert-set one keepkey=
	cert-set one keepkey=y
	cert-set one keepkey=yes 
	cert-set one user+=ng
	cert-set one user+=nginx 
	cert-set one tenant=\*.
	cert-set one tenant=\*.example.com 
	cert-set one group=roo
	cert-set one group=root 
	cert-set one ignore-=expire
	cert-set one ignore-=expire
	cert-acme one acme=l
	cert-acme one acme=letsencrypt 
	cert-acme -m webroot:dir
	cert-acme -m webroot:directory/
	cert-account ro
	cert-account roll 
	cert-account roll letsencrypt key=fi
	cert-account roll letsencrypt key=file.pem 
	cert-revoke one reason=sup
	cert-revoke one reason=superseded 
	cert-trust di
	cert-trust distrust 
	cert-trust -T phones rm si
	cert-trust -T phones rm site-CA 
	cert-import fi
	cert-import file.pem 
	cert-list -d dire
	cert-list -d directory/
	END
}

# holds: the lines in ./out are those.
holds() {
	lines | awk 'NR % 2 == 0' >expected
	diff expected out
}

@test "options are those of the commands" {
	for source in "$ROOT"/cmd/cert-*.c; do
		command=$(basename "$source" .c)
		"$command" -h |
		    sed -nE 's/^  (-.)( [^ ].*)?  +([^ ].*)$/\1\2\t\3/p' |
		    sed -E 's/^(-.) [^\t]*/\1:/' | sort >commands
		awk -F '\t' -v command="$command" '
		    $1 == command && $2 ~ /^-/ { print $2 "\t" $4 }' "$table" |
		    sort >completed
		[ "$(wc -l <commands)" -ge 6 ]
		diff commands completed || fail "$command"
	done
}

@test "an argument that is not in the list stops make install" {
	sed '/	seconds	/d' "$ROOT/dist/completion/arguments" >arguments
	run -1 awk -f "$ROOT/dist/completion/table.awk" arguments \
	    "$ROOT/cmd/cmd.c" "$ROOT/cmd/cert-deploy.c"
	[[ $output == *'arguments: cert-deploy: no line for seconds'* ]]
}

@test "words are those that the commands know" {
	cert-create -s a a
	same "$(cert-list -o '?' 2>&1)" field,...
	same "$(cert-list -k '?' 2>&1)" kind
	same "$(cert-set a '?=' 2>&1)" property
	same "$(cert-account new a directory=https://a b= 2>&1)" \
	    account-property
	same "$(cert-set a endpoint='?:a:1' 2>&1)" proto
	same "$(cert-verify -P '?' a 2>&1)" -P: cert-verify
	same "$(cert-create -P '?' a 2>&1)" -P: cert-create
	same "$(cert-create -t '?' a 2>&1)" -t: cert-create
	same "$(cert-create -S '?=' a 2>&1)" attr=value
	same "$(cert-create -C '?' a 2>&1)" constraint
	same "$(cert-set a method='?' 2>&1)" method
	same "$(cert-check -M '?' 2>&1)" monitor
	same "$(cert-revoke a reason='?' 2>&1)" reason
	same "$(cert-trust '?' 2>&1)" operand cert-trust
	same "$(cert-account '?' 2>&1)" operand cert-account
	run -2 cert-show -o '?' a
	[ "$(grep -o 'alone: .*' <<<"$output" | cut -d ' ' -f 2- |
	    tr ' ' '\n' | sort)" = "$(words 'field,... | part')" ]
	{ words property; words '@store ...' cert-set; echo origin; } |
	    grep -vx x- | sort -u | diff - <(words prop,...)
	cert-create -c ca
	cert-show -o cert ca | cert-trust -f -q add -
	for setting in @new @store @trust; do
		words "$setting ..." cert-set >settings
		for prop in $(words property) renewhost log; do
			run cert-set -n "$setting" "${prop/x-/x-own}="
			[ "$status" = "$(if grep -qx -- "$prop" settings; then
			    echo 0; else echo 2; fi)" ] || fail "$setting $prop"
		done
	done
	for type in $(words -t: cert-match); do
		cert-match -qt "$type" b 2>stderr || [ $? -eq 1 ]
		[ ! -s stderr ]
	done
	sed -n 's/^\.It Cm //p' "$ROOT/man/cert-check.1" | sort >page
	[ -s page ]
	diff page <(words code)
}

@test "options, operands and names" {
	astore
	[ "$(offered cert-rm -)" = '-V -d -f -h -n -q' ]
	[ "$(offered cert-rm -f)" = '-fV -fd -fh -fn -fq' ]
	[ "$(offered cert-rm -fd)" = -fd ]
	[ "$(offered cert-rm --)" = '--help --version' ]
	[ "$("$complete" cert-rm --h)" = --help ]
	[ "$(offered cert-rm '')" = 'site-CA www.example.com' ]
	[ "$(offered cert-rm -- -)" = '' ]
	[ "$(offered /usr/bin/cert-rm www.example.com s)" = site-CA ]
	[ "$(offered cert-rm -d none '')" = '' ]
	[ "$(CERTSTORE=directory/other offered cert-rm '')" = one ]
	# shellcheck disable=SC2088  # as it is typed
	[ "$(HOME=$PWD/directory offered cert-rm -qd '~/other' '')" = one ]
	[ "$(offered cert-match '')" = '*.example.com 2001:db8::1 tenant.example.com www.example.com' ]
	for command in create crl list revoke sign; do
		letter=-A
		[ "$command" != crl ] || letter=-q
		[ "$(offered cert-$command $letter '')" = site-CA ] ||
		    fail "$command"
	done
	[ "$("$complete" cert-acme -T '')" = $'phones\n\tfile\t' ]
	[ "$(offered cert-create -P '')" = \
	    'client mail peer server shaken vpn' ]
	[ "$(offered cert-sign -P v)" = vpn ]
	[ "$(offered cert-list -k server,s)" = 'server,self server,shaken' ]
	[ "$(offered cert-list -ona)" = '-oname -onames' ]
	[ "$(offered cert-show -o te)" = 'tenants text' ]
	[ "$(offered cert-show -o name,te)" = name,tenants ]
	[ "$(offered cert-set one x-=)" = '' ]
	[ "$(offered cert-set @trust)" = '@trust @trust/' ]
	[ "$(offered cert-set @trust/)" = @trust/phones ]
	[ "$(offered cert-set one user=)" = user=nginx ]
	[ "$(offered cert-set @trust/phones user+=)" = user+=nginx ]
	[ "$(offered cert-acme -m hook:)" = \
	    'hook:dehydrated hook:nginx hook:nsupdate' ]
	[ "$("$complete" cert-account new a ca)" = ca= ]
	[ "$(offered cert-trust -T phones rm '')" = site-CA ]
	[ "$(offered cert-trust rm '')" = '' ]
	[ "$(offered cert-account show '')" = letsencrypt ]
	[ "$("$complete" cert-import '')" = $'\tfile\t' ]
	[ "$("$complete" cert-show -K '')" = $'\tfile\t' ]
	[ "$("$complete" cert-check -M metrics:a)" = $'\tfile\tmetrics:' ]
	[ "$("$complete" cert-acme -m webroot:/)" = \
	    $'\tdirectory\twebroot:' ]
	[ "$("$complete" cert-list -e 1/)" = 1/3 ]
}

@test "files with odd names in the store are not offered" {
	astore
	mkdir "$CERTSTORE/certs/ab" "$CERTSTORE"/certs/$'a\e[2J' \
	    "$CERTSTORE/certs/a b" "$CERTSTORE/certs/a;b"
	[ "$(offered cert-rm a)" = ab ]
}

@test "names of 100,000 entries, without a command of the store" {
	mkdir -p "$CERTSTORE/certs" "$CERTSTORE/index/host"
	# links, as ext4 allows them, save inodes
	(cd "$CERTSTORE" && perl -e 'for (0 .. 99999) {
		for (sprintf("certs/e%05d", $_),
		    sprintf("index/host/www.e%05d.example.com", $_)) {
			if ($n++ % 50000 == 0) {
				open(F, ">", $first = $_) or die;
			} else {
				link($first, $_) or die;
			}
		}
	    }')
	PATH=/usr/bin:/bin
	[ "$(within 2 "$complete" cert-show '' | wc -l)" -eq 100000 ]
	[ "$(within 1 "$complete" cert-show e1234 | wc -l)" -eq 10 ]
	[ "$(within 1 "$complete" cert-match www.e12345 | cut -f 1)" = \
	    www.e12345.example.com ]
}

# until_in_session CONDITION...: waits for it while the session lasts.
until_in_session() {
	until "$@"; do
		kill -0 "$session" 2>/dev/null || fail "the shell ended"
		sleep 0.02
	done
}

# bashes: each line of lines(), completed by bash on a terminal, to ./out.
bashes() {
	cat >>rc <<-'END'
	PS1=
	PROMPT_COMMAND='echo ready >>ready'
	report() { printf '%s\n' "$READLINE_LINE" >line; }
	bind -x '"\C-t": report'
	END
	rm -f ready out
	session 'bash --noprofile --rcfile rc -i'
	until_in_session [ -s ready ]
	lines | awk 'NR % 2' | while read -r line; do
		printf '%s\t\024\025' "$line" >&7
		until_in_session [ -s line ]
		cat line >>out
		rm line
	done
	printf 'exit\n' >&7
	over || :
}

@test "bash, without bash-completion" {
	astore
	echo ". $share/bash-completion/completions/cert-set" >rc
	bashes
	holds
}

@test "bash, with bash-completion" {
	loader=/usr/share/bash-completion/bash_completion
	[ -r "$loader" ] || skip 'no bash-completion: NOT TESTED'
	astore
	export XDG_DATA_DIRS=$share
	echo ". $loader" >rc
	bashes
	holds
}

@test "zsh" {
	command -v zsh >/dev/null || skip 'no zsh: NOT TESTED'
	astore
	cat >rc <<-END
	fpath=($share/zsh/site-functions \$fpath)
	autoload -Uz compinit
	compinit -D -u
	report() { print -r -- "\$BUFFER" >>out; BUFFER=; zle accept-line }
	zle-line-init() { : >ready }
	zle -N report
	zle -N zle-line-init
	bindkey '^I' complete-word '^T' report
	END
	session 'zsh -f -i'
	printf '. ./rc\n' >&7
	lines | awk 'NR % 2' | while read -r line; do
		until_in_session [ -e ready ]
		rm ready
		printf '%s\t\024' "$line" >&7
	done
	until_in_session [ -e ready ]
	printf 'exit\n' >&7
	over || :
	holds
}

@test "fish" {
	command -v fish >/dev/null || skip 'no fish: NOT TESTED'
	astore
	export XDG_DATA_DIRS=$share
	lines | while read -r line && read -r whole; do
		# shellcheck disable=SC2016  # fish expands it
		fish -c 'complete -C "$argv"' "$line" >offers
		whole=${whole##* }
		grep -qF -- "${whole//[\\\']/}" offers ||
		    fail "$line: $(cat offers)"
	done
}
