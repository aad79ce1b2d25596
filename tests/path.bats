#!/usr/bin/env bats
# path.bats: cert-verify finds the only good path among many certificates, and
# in limited time.  tests/forge makes the certificates; its first comment
# explains the lines.

load helper

# Flaws of one certificate of a CA, as words of forge.
FLAWS='badsig ca constraint critical eku expired future notca sha1 sign'

setup() {
	common_setup
	FORGE=$ROOT/tests/forge
	# Seconds of CPU, which are fewer on a machine with more to do;
	# sanitizers take tenfold.  What doubles goes far beyond.
	limit=10
	[ -z "${CERTSTORE_SANITIZE:-}" ] || limit=100
}

# forged LINES: what these lines of forge say.
forged() {
	printf '%s\n' "$1" | "$FORGE"
}

# judge FILE [ARG...]: cert-verify's status for the first certificate of FILE;
# 137 when it took too long.
judge() {
	local file=$1

	shift
	(
		ulimit -t "$limit"
		exec cert-verify -T anchors.pem -P server -w 2026-06-01 \
		    "$@" -i "$file"
	) >said 2>&1
}

good() {
	judge "$@" && return 0
	fail "$1: status $?, there is a good path: $(head -n 3 said)"
}

# Refused, or too much of it: but not good, and not for long.
bad() {
	local status=0

	judge "$@" || status=$?
	case $status in
	1|2) ;;
	*) fail "$1: status $status, there is no good path: $(cat said)" ;;
	esac
}

# paths NODE SEEN EDGES: all paths from NODE up to an anchor, one a line, as
# the edges that were taken.  EDGES are subject<issuer.
paths() {
	local edge up

	case " $anchors " in *" $1 "*) echo "$2" ;; esac
	for edge in $edges; do
		[ "${edge%%<*}" = "$1" ] || continue
		up=${edge##*<}
		case " $2 $leaf<" in *" $up<"*) continue ;; esac
		paths "$up" "$2 $edge"
	done
}

# on FILE PATH, off FILE PATH: lines for the edges on PATH, or for those that
# are not on it, with the flaw.
on() {
	local edge

	for edge in $edges; do
		case " $2 " in
		*" $edge "*) echo "$1 ${edge%%<*} ${edge##*<}" ;;
		esac
	done
}

off() {
	local edge

	for edge in $edges; do
		case " $2 " in
		*" $edge "*) ;;
		*) echo "$1 ${edge%%<*} ${edge##*<} $flaw" ;;
		esac
	done
}

# explore LEAFISSUER ANCHORS EDGES: for each path of this graph and each flaw:
# only that path's certificates are without the flaw, and stand in front of or
# behind the others; and at last all have it.
explore() {
	local leaf=$1 anchors=$2 edges=$3 flaw path anchor file n=0

	paths "$leaf" '' >paths
	while read -r path; do
		n=$((n + 1))
		for flaw in $FLAWS; do
			file=good-$n-$flaw-front.pem
			echo "$file leaf $leaf"
			on "$file" "$path"
			off "$file" "$path"
			file=good-$n-$flaw-behind.pem
			echo "$file leaf $leaf"
			off "$file" "$path"
			on "$file" "$path"
		done
	done <paths >lines
	for flaw in $FLAWS; do
		echo "bad-$flaw.pem leaf $leaf"
		off "bad-$flaw.pem" ''
	done >>lines
	for anchor in $anchors; do
		echo "anchors.pem $anchor $anchor"
	done >>lines
	"$FORGE" <lines
	for file in good-*.pem; do
		good "$file" -H leaf.example.com
	done
	for file in bad-*.pem; do
		bad "$file" -H leaf.example.com
	done
}

@test "a single chain of CAs" {
	explore C 'R' 'C<B B<A A<R'
	[ "$(wc -l <paths)" -eq 1 ]
}

@test "a CA under two roots, under four" {
	explore I 'R1 R2' 'I<R1 I<R2'
	rm ./*.pem
	explore I 'R1 R2 R3 R4' 'I<R1 I<R2 I<R3 I<R4'
	[ "$(wc -l <paths)" -eq 4 ]
}

@test "two paths that meet again" {
	explore I 'R' 'I<A I<B A<C B<C C<D C<E D<R E<R'
	[ "$(wc -l <paths)" -eq 4 ]
}

@test "a new root that an old one signed" {
	explore I 'old' 'I<new new<old'
	rm ./*.pem
	explore I 'old new' 'I<new new<old'
	[ "$(wc -l <paths)" -eq 2 ]
}

@test "figure 7 of RFC 4158" {
	explore B 'R' 'B<C B<A A<C C<A C<R A<R'
	[ "$(wc -l <paths)" -eq 4 ]
}

@test "a bridge between four hierarchies" {
	explore I 'R1 R2 R3' \
	    'I<P P<bridge bridge<P R1<bridge bridge<R1 R2<bridge bridge<R2 R3<bridge bridge<R3'
	[ "$(wc -l <paths)" -eq 3 ]
}

@test "CAs that all signed each other" {
	explore A 'R1 R2' \
	    'A<B B<A A<C C<A B<C C<B A<D D<A B<D D<B C<D D<C C<R1 D<R2'
	[ "$(wc -l <paths)" -eq 10 ]
}

@test "a root that signed all CAs of a long chain" {
	explore A 'R' 'A<B B<C C<D A<R B<R C<R D<R'
	[ "$(wc -l <paths)" -eq 4 ]
}

@test "1,000 issuers with the same name and key identifier, other keys" {
	forged 'anchors.pem R R
	    bad.pem leaf I
	    bad.pem I:k% R ski=I times=1000'
	bad bad.pem
	rm ./*.pem
	forged 'anchors.pem R R
	    good.pem leaf I
	    good.pem I:k% R ski=I times=1000
	    good.pem I R'
	good good.pem
}

@test "1,000 certificates that name one issuer, signed by 1,000 other keys" {
	forged 'anchors.pem R R
	    bad.pem leaf I
	    bad.pem I X:k% times=1000'
	bad bad.pem
	rm ./*.pem
	forged 'anchors.pem R R
	    good.pem leaf I
	    good.pem I R:k% aki=R times=1000
	    good.pem I R'
	good good.pem
}

@test "1,600 certificates that an issuer issued to itself" {
	forged 'anchors.pem R R
	    bad.pem leaf I
	    bad.pem I I times=1600
	    good.pem leaf I
	    good.pem I I times=1600
	    good.pem I R'
	bad bad.pem
	good good.pem
}

# lattice FILE LAYERS WIDTH [WORD...]: a leaf with these words, above it layers
# of CAs that signed all of the layer below.
lattice() {
	local file=$1 layers=$2 width=$3 layer a b

	shift 3
	echo "$file leaf L0:L0k0 $*"
	for layer in $(seq 0 $((layers - 1))); do
		for a in $(seq 0 $((width - 1))); do
			for b in $(seq 0 $((width - 1))); do
				echo "$file L$layer:L${layer}k$a" \
				    "L$((layer + 1)):L$((layer + 1))k$b" $ids
			done
		done
		[ -z "$ids" ] || ids="ski=L$((layer + 1)) aki=L$((layer + 2))"
	done
}

@test "ten layers of six CAs that each signed all of the next layer" {
	{
		echo 'anchors.pem R R'
		ids='' lattice bad.pem 10 6
		ids='' lattice good.pem 10 6
		echo 'good.pem L10:L10k5 R'
	} >lines
	"$FORGE" <lines
	bad bad.pem
	good good.pem
	bad good.pem -H www.example.com
}

@test "the same, with one key identifier for each layer" {
	{
		echo 'anchors.pem R R'
		ids='ski=L0 aki=L1' lattice bad.pem 8 4 aki=L0
		ids='ski=L0 aki=L1' lattice good.pem 8 4 aki=L0
		echo 'good.pem L8:L8k3 R ski=L8'
	} >lines
	"$FORGE" <lines
	bad bad.pem
	good good.pem
}

@test "the same, with the only flaw at one end" {
	{
		echo 'anchors.pem R R'
		for flaw in $FLAWS; do
			ids='' lattice "top-$flaw.pem" 6 4
			for a in 0 1 2 3; do
				echo "top-$flaw.pem L6:L6k$a R $flaw"
			done
		done
		for flaw in expired future badsig critical; do
			ids='' lattice "leaf-$flaw.pem" 6 4 "$flaw"
			echo "leaf-$flaw.pem L6:L6k3 R"
		done
	} >lines
	"$FORGE" <lines
	for file in top-*.pem leaf-*.pem; do
		bad "$file" -H leaf.example.com
	done
}

@test "CAs that signed each other in a ring" {
	forged 'anchors.pem R R
	    bad.pem leaf A
	    bad.pem A B
	    bad.pem B C
	    bad.pem C A
	    bad.pem A A
	    good.pem leaf A
	    good.pem A B
	    good.pem B C
	    good.pem C A
	    good.pem C R'
	bad bad.pem
	good good.pem
}

@test "a ring of 1,200 certificates" {
	forged 'anchors.pem R R
	    bad.pem leaf A
	    bad.pem A B times=400
	    bad.pem B C times=400
	    bad.pem C A times=400
	    good.pem leaf A
	    good.pem A B times=400
	    good.pem B C times=400
	    good.pem C A times=400
	    good.pem C R'
	bad bad.pem
	good good.pem
}

@test "a chain of 10 CAs, of 1,000" {
	for length in 10 1000; do
		echo "$length.pem leaf I1"
		for i in $(seq 1 $((length - 1))); do
			echo "$length.pem I$i I$((i + 1))"
		done
		echo "$length.pem I$length R"
	done >lines
	echo 'anchors.pem R R' >>lines
	"$FORGE" <lines
	good 10.pem
	run -1 judge 1000.pem
	grep -q 'RFC 4158 section 3	the path is longer than 32 cert' said
}

@test "10,000 names under 10,000 constraints" {
	forged 'anchors.pem R R
	    permit.pem leaf I sans=10000
	    permit.pem I R permit=10000
	    exclude.pem leaf J sans=10000
	    exclude.pem J R exclude=10000'
	bad permit.pem -H n9999.leaf.example.com
	status=0
	judge exclude.pem -H n9999.leaf.example.com || status=$?
	[ "$status" -le 2 ]
}

@test "300 issuers with RSA keys of 16,384 bits" {
	forged 'anchors.pem R R
	    bad.pem leaf I:rsa16384-x
	    bad.pem I:rsa16384-% R ski=rsa16384-x times=300
	    good.pem leaf I
	    good.pem I:rsa16384-% R ski=I times=300
	    good.pem I R'
	bad bad.pem
	good good.pem
}

@test "policies that double with every CA" {
	{
		echo 'anchors.pem R R
		    pile.pem leaf I0 certificatePolicies=1.2.3.1,1.2.3.2'
		for i in $(seq 0 29); do
			echo "pile.pem I$i I$((i + 1))" \
			    certificatePolicies=1.2.3.1,1.2.3.2,1.2.3.3 \
			    policyMappings=1.2.3.1:1.2.3.1,1.2.3.1:1.2.3.2,1.2.3.2:1.2.3.1,1.2.3.2:1.2.3.2
		done
		echo 'pile.pem I30 R certificatePolicies=1.2.3.1,1.2.3.2'
	} >lines
	"$FORGE" <lines
	status=0
	judge pile.pem || status=$?
	[ "$status" -le 2 ]
}
