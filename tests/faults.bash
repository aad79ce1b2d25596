# faults.bash: what kill, faults and power.bats share: a store with an entry of
# each sort, what must hold of it at any moment and what once a writer came to
# its end.  The entry that a command is about is $target.

# shellcheck disable=SC2154  # the test sets target

faults_setup() {
	common_setup
	# only the order of calls counts here, and memory is faster than a disk
	if [ -w /dev/shm ]; then
		memory=$(mktemp -d /dev/shm/certstore.XXXXXX)
		CERTSTORE=$memory/store
	fi
	[ -z "${CERTSTORE_SANITIZE:-}" ] ||
	    skip "strace and the leak sanitizer do not go together"
	strace -o /dev/null true 2>/dev/null || skip "strace can't trace here"
	cert-create -c CA
	cert-create -A CA -s old.example.org -s both.example.org serving
	cert-create -A CA -s other.example.org other
	cert-create -R -s wait.example.org waiting >waiting.csr
	ln -s certs/serving "$CERTSTORE/default"
	saved=$BATS_TEST_TMPDIR/saved
	cp -a "$CERTSTORE" "$saved"
	: >input
}

faults_teardown() {
	rm -rf "${memory:-}"
	common_teardown
}

restore() {
	rm -rf "$CERTSTORE"
	cp -a "$saved" "$CERTSTORE"
}

# answer: a certificate for the entry waiting, signed by the store's CA with
# the tools of others, goes to ./input.
answer() {
	openssl x509 -req -in waiting.csr -days 30 -copy_extensions copy \
	    -CA "$CERTSTORE/certs/CA/fullchain.pem" \
	    -CAkey "$CERTSTORE/certs/CA/privkey.pem" -out input 2>/dev/null
}

# anchors N: the store gets N trust anchors, r1 and so on, in ./r1.pem and so
# on, and this is what was saved.  The generation before has one more.
anchors() {
	local i

	for i in $(seq $(($1 + 2))); do
		openssl req -x509 -newkey ec -pkeyopt \
		    ec_paramgen_curve:P-256 -nodes -keyout key.pem \
		    -out "r$i.pem" -subj "/CN=r$i" -days 100 2>/dev/null
	done
	for i in $(seq "$1"); do
		cat "r$i.pem"
	done >roots
	cert-trust -q update roots
	cert-trust -q add "r$(($1 + 1)).pem"
	cert-trust -q rm "r$(($1 + 1))"
	rm -rf "$saved"
	cp -a "$CERTSTORE" "$saved"
}

# sample N: N of the lines of stdin, the first, the last and as far apart from
# each other as can be; with FAULTS=all all of them.
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

# killed SYSCALL N COMMAND...: killed before its Nth of these.
killed() {
	local call=$1 n=$2

	shift 2
	# a shell of its own keeps the notice of the kill to itself
	sh -c 'strace -f -qq -o /dev/null -e inject="$0" "$@"; exit' \
	    "$call:signal=KILL:when=$n" "$@" >/dev/null 2>&1 &&
	    fail "$call $n: not killed"
	return 0
}

# One line for each entry: what it is, whatever generation it is in.
state() {
	local csr

	cert-list -o name,fingerprint,names
	[ ! -e "$CERTSTORE/trust" ] ||
	    cert-trust -o name,fingerprint,origin list
	for csr in "$CERTSTORE"/certs/[!.]*/request.csr; do
		[ ! -e "$csr" ] || printf '%s\t%s\trequest\n' "${csr%/*}" \
		    "$(sha256sum <"$csr")"
	done
}

# Fingerprints are new in every run: what is compared is names.
names() {
	cut -f 1,3
}

# pair: key and certificate of $target belong together, and combined.pem holds
# just them.
pair() {
	local dir=$CERTSTORE/certs/$target

	[ -e "$dir/fullchain.pem" ] || return 0
	cat "$dir/privkey.pem" "$dir/fullchain.pem" |
	    cmp - "$dir/combined.pem" || return 1
	[ "$(openssl pkey -in "$dir/privkey.pem" -pubout)" = \
	    "$(openssl x509 -in "$dir/fullchain.pem" -noout -pubkey)" ]
}

# anchored WHEN: what holds at any moment for who reads the trust anchors.
anchored() {
	local file files=0 links=0 trust=$CERTSTORE/trust

	[ -e "$trust" ] || return 0
	for file in "$trust"/*; do
		case $file in
		*/bundle.pem|*/distrusted|*/shipped) ;;
		*.pem) files=$((files + 1)) ;;
		*) links=$((links + 1)) ;;
		esac
		[ -e "$file" ] || fail "$1: $file dangles" || return 1
	done
	[ "$files $links" = "$(grep -c BEGIN "$trust/bundle.pem") $files" ] ||
	    fail "$1: $files anchors, $links links" || return 1
	cert-trust list >list || fail "$1: cert-trust list gives $?"
}

# readable WHEN: what holds at any moment for a reader.
readable() {
	local link

	anchored "$1" || return 1
	cert-list -o name,names >list || fail "$1: cert-list gives $?" ||
	    return 1
	for link in "$CERTSTORE"/combined/*; do
		[ -e "$link" ] || [ ! -L "$link" ] ||
		    fail "$1: $link dangles" || return 1
	done
	awk -F '\t' '$1 != "CA" && $1 !~ /^waiting/ {
		n = split($2, host, ",")
		for (i = 1; i <= n; i++)
			print host[i] "\t" $1
	}' list >want
	while read -r host _; do
		echo "$host"
	done <want | cert-match -a -o host,name - >got
	awk 'NR == FNR { got[$0] = 1; next } !($0 in got) { print; bad = 1 }
	    END { exit bad }' got want ||
	    fail "$1: that host does not lead to that name" || return 1
}

# clean WHEN: what holds once a writer has finished.
clean() {
	local dir kept key name value

	[ "$(find "$CERTSTORE" -maxdepth 1 -name '.trust@*' | wc -l)" -le 2 ] ||
	    fail "$1: generations of anchors are left" || return 1
	! find "$CERTSTORE" -path '*/.pending/*' -o -name '*@link' \
	    -o \( -path '*/index/*' -o -name default \) -xtype l \
	    -o -path '*/index/*@' -empty | grep . ||
	    fail "$1: that is left" || return 1
	find "$CERTSTORE/certs" -type l -printf '%l\n' >live
	for dir in "$CERTSTORE"/certs/.*@*; do
		[ -d "$dir" ] || continue
		name=${dir##*/.} name=${name%@*} kept=
		while read -r key value; do
			[ "$key" != kept ] || kept=$value
		done <"$CERTSTORE/certs/$name/info"
		case $(<live) in
		*"${dir##*/}"*) ;;
		*)
			[ ".$name@$kept" = "${dir##*/}" ] ||
			    fail "$1: $dir belongs to nobody" || return 1
			;;
		esac
	done
	# combined/ is just what serves
	[ "$(cd "$CERTSTORE/combined" && echo *)" = \
	    "$(cert-list -k server -o name | sed 's/$/.pem/' | xargs)" ] ||
	    fail "$1: combined/ is not what serves" || return 1
}

# changed WHEN: only $target may differ from what was saved.
changed() {
	local name

	for name in CA serving other waiting; do
		[ "$name" != "$target" ] || continue
		diff -r "$saved/certs/$name/" "$CERTSTORE/certs/$name/" ||
		    fail "$1: $name changed" || return 1
	done
}
