# faults.bash: functions for kill.bats, faults.bats and power.bats: a store with
# an entry of each kind, checks that must pass at any moment, and checks that
# must pass after a writer has ended.  $target is the entry that is changed.

load pki

# shellcheck disable=SC2154  # the test sets target, shared sets shared

faults_store() {
	export CERTSTORE=$PWD/store

	cert-create -c CA
	cert-create -A CA -s old.example.org -s both.example.org serving
	cert-create -A CA -s other.example.org other
	cert-create -R -s wait.example.org waiting >waiting.csr
	ln -s certs/serving "$CERTSTORE/default"
}

# Makes $saved, the store that restore copies.
faults_setup() {
	common_setup
	# only the order of calls counts here, and memory is faster than a disk
	if [ -w /dev/shm ]; then
		memory=$(mktemp -d /dev/shm/certstore.XXXXXX)
		CERTSTORE=$memory/store
	fi
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip "strace and the leak sanitizer do not go together"
	strace -o /dev/null true 2>/dev/null || skip "strace cannot trace here"
	shared faults faults_store
	cp "$shared/waiting.csr" .
	saved=$shared/store
	restore
	: >input
}

faults_teardown() {
	rm -rf "${memory:-}"
	common_teardown
}

restore() {
	rm -rf "$CERTSTORE"
	cp -a "$saved" "$CERTSTORE"
	# else the next writer sees that it is a copy and makes all links anew
	: >"$CERTSTORE/.lock"
}

# answer: writes to ./input a certificate for the entry "waiting", issued by the
# CA of the store with other software.
answer() {
	pki answer input waiting.csr copy \
	    "ca=$CERTSTORE/certs/CA/fullchain.pem" \
	    "key=$CERTSTORE/certs/CA/privkey.pem"
}

# anchors N: adds N trust anchors, r1 and so on, which are also in ./r1.pem and
# so on, and saves the store.  The generation before has one more.
anchors() {
	local i words=()

	for i in $(seq $(($1 + 2))); do
		words+=(cert "r$i.pem" "r$i.key" "/CN=r$i" days=100
		    "basicConstraints=critical,CA:TRUE"
		    "keyUsage=critical,keyCertSign,cRLSign" --)
	done
	pki "${words[@]}" subjects r1.pem >/dev/null
	for i in $(seq "$1"); do
		cat "r$i.pem"
	done >roots
	cert-trust -q update roots
	cert-trust -q add "r$(($1 + 1)).pem"
	cert-trust -q rm "r$(($1 + 1))"
	saved=$BATS_TEST_TMPDIR/saved
	rm -rf "$saved"
	cp -a "$CERTSTORE" "$saved"
}

# sample N: prints N lines of stdin at equal distances, with the first and the
# last; with FAULTS=all prints all of them.
sample() {
	[ "${FAULTS:-}" != all ] || set -- 0
	awk -v n="$1" '{ line[NR] = $0 }
	    END {
		if (n == 0 || n > NR)
			n = NR
		for (i = 0; i < n; i++)
			print line[1 + (n < 2 ? 0 : int(i * (NR - 1) / (n - 1)))]
	    }'
}

# numbered: "syscall number" of each call in ./trace, of strace -f; it counts each
# syscall of each process for itself.
numbered() {
	sed -n 's/^\([0-9]*\) *\([a-z_0-9]*\)(.*/\1 \2/p' trace |
	    awk '{ at = $2 " " ++n[$1, $2] } !seen[at]++ { print at }'
}

# killed SYSCALL N COMMAND...: runs the command and kills it before its Nth
# SYSCALL.
killed() {
	local call=$1 n=$2

	shift 2
	# a shell of its own keeps the notice of the kill to itself
	sh -c 'strace -f -qq -o /dev/null -e inject="$0" "$@"; exit' \
	    "$call:signal=KILL:when=$n" "$@" >/dev/null 2>&1 &&
	    fail "$call $n: not killed"
	return 0
}

# reasons SYSCALL: for which it is made to fail.
reasons() {
	case $1/${FAULTS:-} in
	write/|openat/) echo ENOSPC ;;
	mkdirat/|symlinkat/) echo EDQUOT ;;
	write/all|openat/all|mkdirat/all|symlinkat/all|renameat/all)
		echo EIO ENOSPC EDQUOT ;;
	*) echo EIO ;;
	esac
}

# storecalls WHICH COMMAND...: "syscall number" of each call on the store, and on
# $outside if it is set, that is to fail, in ./all, since strace counts each
# syscall for itself; those to try in ./some.
storecalls() {
	local which=$1

	shift
	strace -y -qq -o trace "$@" >&2 || [ $? -eq 2 ] || return 1
	awk -v store="$CERTSTORE" -v out="${outside:-$CERTSTORE}" \
	    -v want="^($which)" '
		match($0, /^[a-z0-9_]+/) {
			name = substr($0, 1, RLENGTH)
			n[name]++
			if (index($0, store "/") + index($0, store ">") + \
			    index($0, out "/") + index($0, out ">") &&
			    name != "execve" && $0 ~ want)
				print name, n[name]
		}' trace >all
	sample 10 <all >some
}

# failing INJECT COMMAND...: with that call failing; sets status.  The
# input is the file ./input.
failing() {
	local inject=$1

	shift
	status=0
	within 30 strace -qq -o /dev/null -e trace="${inject%%:*}" \
	    -e inject="$inject" "$@" <input >printed 2>said || status=$?
}

# requests NAME...: for cert-sign, in $outside.
requests() {
	local name words=()

	outside=$PWD/outside
	mkdir "$outside"
	for name; do
		words+=(cert "$outside/$name.csr" "$name.key"
		    "/CN=$name.example.net" csr --)
	done
	pki "${words[@]}" subjects "$CERTSTORE/certs/CA/fullchain.pem" >/dev/null
}

# signed WHEN NAME...: what is beside these requests is a certificate for its
# key, which the store knows as issued.
signed() {
	local at=$1 name serials

	serials=$(cert-list -A CA -o serial) || fail "$at: cert-list" || return 1
	for name in "${@:2}"; do
		[ -e "$outside/$name.crt" ] || continue
		pki pair "$name.key" "$outside/$name.crt" ||
		    fail "$at: $name.crt is not whole" || return 1
		grep -qxF "$(cert-show -o serial -i "$outside/$name.crt" |
		    head -n 1)" <<<"$serials" ||
		    fail "$at: $name.crt is not recorded" || return 1
	done
}

# exported WHEN: the file is what it was, or all of the new one, of which the
# log has a line.
exported() {
	[ "$(cat "$outside/file")" != precious ] || return 0
	openssl pkcs12 -in "$outside/file" -passin file:pass -nodes >p12 2>&1 ||
	    fail "$1: not whole: $(cat p12)" || return 1
	grep -q 'PRIVATE KEY' p12 || fail "$1: no key" || return 1
	grep -q '"reason":"export"' "$CERTSTORE/log" ||
	    fail "$1: no line of the log"
}

# For cert-export.
export_setup() {
	outside=$PWD/outside
	mkdir "$outside"
	echo correct >pass
	echo precious >"$outside/file"
}

# Prints a line for each entry, without the number of its generation.
state() {
	local crl csr text

	cert-list -o name,fingerprint,names,tenants
	[ ! -e "$CERTSTORE/trust" ] ||
	    cert-trust -o name,fingerprint,origin list
	[ ! -e "$CERTSTORE/trusts/phones" ] ||
	    cert-trust -T phones -o name,fingerprint,origin list
	for crl in "$CERTSTORE"/crl/*.pem; do
		[ ! -e "$crl" ] || printf '%s\t%s\t%s CRLs, %s\n' "$crl" \
		    "$(cksum <"$crl")" "$(grep -c BEGIN "$crl")" \
		    "$(grep '^count' "$(readlink -f "${crl%/*}")/.$(
			basename "$crl" .pem)/info")"
	done
	for csr in "$CERTSTORE"/certs/[!.]*/request.csr; do
		[ -e "$csr" ] || continue
		read -r -d '' text <"$csr" || :
		printf '%s\t%s\trequest\n' "${csr%/*}" "${text//$'\n'}"
	done
}

# Fingerprints differ in every run, so names are compared.
names() {
	cut -f 1,3-
}

# pair: the key and certificate of $target match, and combined.pem has both and
# nothing else.
pair() {
	local dir=$CERTSTORE/certs/$target

	[ ! -e "$dir/fullchain.pem" ] || pki entry "$dir"
}

# anchored WHEN: checks what a reader of the trust anchors must see at any
# moment, in the set $SET or the default one.
anchored() {
	local file files=0 links=0 trust=$CERTSTORE/${SET:+trusts/}${SET:-trust}

	[ -e "$trust" ] || return 0
	for file in "$trust"/*; do
		case $file in
		*/bundle.pem|*/distrusted|*/ends|*/shipped|*/crls|*/untrusted) ;;
		*.pem) files=$((files + 1)) ;;
		*) links=$((links + 1)) ;;
		esac
		[ -e "$file" ] || fail "$1: $file dangles" || return 1
	done
	[ "$files $links" = "$(grep -c BEGIN "$trust/bundle.pem") $files" ] ||
	    fail "$1: $files anchors, $links links" || return 1
	cert-trust ${SET:+-T "$SET"} list >list ||
	    fail "$1: cert-trust list gives $?"
}

# published WHEN: each CRL is whole: PEM and DER are one CRL, and no link dangles.
published() {
	local dir link

	for dir in "$CERTSTORE"/crl/.[!.]*; do
		[ -L "$dir" ] || continue
		openssl crl -in "$dir/crl.pem" -outform DER |
		    cmp - "$dir/crl.der" || fail "$1: $dir" || return 1
	done
	for link in "$CERTSTORE"/crl/*.*; do
		[ -e "$link" ] || [ ! -L "$link" ] ||
		    fail "$1: $link dangles" || return 1
	done
}

# readable WHEN: checks what a reader must see at any moment.
readable() {
	local link name names host line
	local -A got=()

	anchored "$1" || return 1
	published "$1" || return 1
	cert-list -o name,names >list || fail "$1: cert-list gives $?" ||
	    return 1
	for link in "$CERTSTORE"/combined/*; do
		[ -e "$link" ] || [ ! -L "$link" ] ||
		    fail "$1: $link dangles" || return 1
	done
	while IFS=$'\t' read -r name names; do
		case $name in
		CA*|waiting*) continue ;;
		esac
		for host in ${names//,/ }; do
			printf '%s\t%s\n' "$host" "$name"
		done
	done <list >want
	cert-match -a -o host,name - <want >found || [ $? -eq 1 ] ||
	    fail "$1: cert-match gives $?" || return 1
	while read -r line; do
		got[$line]=1
	done <found
	while read -r line; do
		[ -n "${got[$line]:-}" ] ||
		    fail "$1: that host does not lead to that name: $line" ||
		    return 1
	done <want
}

# clean WHEN: checks the store after a writer has ended.
clean() {
	local dir kept key name value left live sets
	local -a combined serve

	sets=("$CERTSTORE/${SET:+trusts/}.${SET:-trust}"@*)
	[ "${#sets[@]}" -le 2 ] ||
	    fail "$1: generations of anchors are left" || return 1
	# of a default that did not change: the next one uses it
	left=$(find "$CERTSTORE" ! -path "$CERTSTORE/.default@link" \
	    \( -path '*/.pending/*' -o -name '*@link' \
	    -o \( -path '*/index/*' -o -name default \) -xtype l \
	    -o -path '*/index/*@' -empty \) -print \
	    -o -path '*/certs/*' -type l -fprintf live '%l\n')
	[ -z "$left" ] || fail "$1: that is left: $left" || return 1
	read -r -d '' live <live || :
	for dir in "$CERTSTORE"/certs/.*@*; do
		[ -d "$dir" ] || continue
		name=${dir##*/.} name=${name%@*} kept=
		while read -r key value; do
			[ "$key" != kept ] || kept=$value
		done <"$CERTSTORE/certs/$name/info"
		case $live in
		*"${dir##*/}"*) ;;
		*)
			[ ".$name@$kept" = "${dir##*/}" ] ||
			    fail "$1: $dir belongs to nobody" || return 1
			;;
		esac
	done
	# combined/ is just what serves
	combined=("$CERTSTORE"/combined/*)
	cert-list -k server -o name >list
	mapfile -t serve <list
	[ "${combined[*]##*/}" = "${serve[*]/%/.pem}" ] ||
	    fail "$1: combined/ is not what serves" || return 1
}

# sound WHEN: cert-check warns of nothing that a writer left, and each change is
# in the log.
sound() {
	cert-check >found || [ $? -eq 1 ] ||
	    fail "$1: cert-check gives $?" || return 1
	# as clean(); a group that was to lose its keys no longer reads them
	! grep -v -e '^note' -e $'\ttenant-' -e $'\tkey-closed' -e $'\trevoked\t' \
	    -e '[.]default@link' \
	    ${unpublished:+-e crl-unpublished} found >wrong ||
	    fail "$1: cert-check: $(cat wrong)" || return 1
}

# changed WHEN: checks that only $target differs from the saved store.
changed() {
	local name was is file text other

	for name in CA serving other waiting; do
		[ "$name" != "$target" ] || continue
		was=$saved/certs/$name is=$CERTSTORE/certs/$name
		[ "$(cd "$was" && echo ./*)" = "$(cd "$is" && echo ./*)" ] ||
		    fail "$1: $name changed: $(ls "$is")" || return 1
		for file in "$was"/*; do
			read -r -d '' text <"$file" || :
			read -r -d '' other <"$is/${file##*/}" || :
			[ "$text" = "$other" ] ||
			    fail "$1: $name changed: ${file##*/}" || return 1
		done
	done
}
