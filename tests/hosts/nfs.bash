# nfs.bash: what the hosts of nfs.bats do; in a host, in $work.
set -eEu
trap 'echo "$name: line $LINENO: $BASH_COMMAND: status $?" >&2' ERR
export CERTSTORE=/m/s

# mounted DIR ARGUMENT...: mounts it there, if nothing is.
mounted() {
	local dir=$1

	shift
	[ -d "$dir" ] || mkdir -p "$dir"
	mountpoint -q "$dir" || mount "$@" "$dir"
}

# serve: exports /srv, the disk.  What a silent host has is kept for 15 s.
serve() {
	mounted /srv /dev/vda
	# kept when the host is booted again
	mkdir -p /srv/.nfs/{v4recovery,nfsdcld,sm,sm.bak}
	touch /srv/.nfs/{etab,rmtab,state}
	mounted /var/lib/nfs --bind /srv/.nfs
	mounted /run/rpc_pipefs -t rpc_pipefs none
	mounted /proc/fs/nfsd -t nfsd none
	# the root of this host, in memory, cannot be exported
	echo '/srv *(rw,fsid=0,sync,no_subtree_check,no_root_squash)' \
	    >/etc/exports
	echo 15 >/proc/fs/nfsd/nfsv4leasetime
	echo 15 >/proc/fs/nfsd/nfsv4gracetime
	nfsdcld -p /run/rpc_pipefs
	exportfs -r
	rpc.nfsd "${VERSION3:--N}" 3 4
	rpc.mountd "${VERSION3:--N}" 3
}

# joined: mounts what web1 exports as /m.
joined() {
	mounted /m -t nfs4 -o vers=4.2 10.9.9.1:/
}

# begin: the host that has the disk also mounts it, and makes the entry "both".
begin() {
	serve
	joined
	cert-create -s both.example.com both
	tell served
}

# tell FILE: the others can go on.
tell() {
	: >"$1"
}

# await FILE...: until others say so.
await() {
	local file

	for file; do
		until [ -e "$file" ]; do sleep 0.1; done
	done
}

# pairs: reads the entry "both" by its directory, until ./over, and prints what
# is no pair.
pairs() {
	cat >/run/reader <<-'PERL'
	sub get { open my $f, "<", "$_[0].pem" or return; local $/; <$f> }
	until (-e "$ARGV[0]/over") {
		select(undef, undef, undef, 0.05);
		chdir "$ARGV[1]/certs/both" or next;
		my @got = map { get($_) } "privkey", "fullchain", "combined";
		next if grep { !defined } @got;
		print "two pairs\n" if $got[0] . $got[1] ne $got[2];
		$n++;
	}
	print "$n read\n";
	PERL
	perl /run/reader "$work" "$CERTSTORE" >"seen.$name" &
	reader=$!
}

# paired: the end of pairs().
paired() {
	wait "$reader"
	grep -q read "seen.$name"
	! grep pairs "seen.$name" || exit 1
}

# write N: creates, replaces and removes, what it was told is in ./acked.$name.
write() {
	local i

	for i in $(seq "$1"); do
		cert-create -s "$name-$i.example.com" "$name-$i"
		echo "$name-$i" >>"acked.$name"
		cert-create -fq -s both.example.com both
		cert-create -s gone.example.com "$name-gone"
		cert-rm "$name-gone"
		echo >>"rounds.$name"
	done
}

# whole: the store has what was acknowledged, nothing else, and it is sound.
whole() {
	local entry

	diff <({ cat acked.*; echo both; } | sort -u) <(cert-list -o name)
	cert-check -e 0
	[ -z "$(ls -A "$CERTSTORE/.pending")" ]
	find "$CERTSTORE" \( -name '*.tmp' -o -name '*~' -o -name '.nfs*' -o \
	    -name '*@link' \) | tee litter
	[ ! -s litter ]
	for entry in $(cert-list -o name); do
		entry=$CERTSTORE/certs/$entry
		cat "$entry/privkey.pem" "$entry/fullchain.pem" |
		    cmp - "$entry/combined.pem"
	done
}

# stopped CALL N COMMAND...: starts the command and stops it before the Nth of
# these calls.
stopped() {
	local inject=$1:signal=STOP:when=$2

	shift 2
	: >stopped.calls
	strace -f -qq -o stopped.calls -e trace="${inject%%:*}" \
	    -e inject="$inject" "$@" >&2 &
	until grep -q 'stopped by SIGSTOP' stopped.calls; do
		kill -0 $!
		sleep 0.1
	done
}

# calls COMMAND...: runs it and prints how many calls of NFS it makes, and the
# milliseconds that it takes.
calls() {
	local before from

	before=$(awk '$1 == "rpc" { print $2 }' /proc/net/rpc/nfs)
	from=$(date +%s%N)
	"$@" >/dev/null
	echo "$(($(date +%s%N) - from)) $before" \
	    "$(awk '$1 == "rpc" { print $2 }' /proc/net/rpc/nfs)" |
	    awk '{ print $3 - $2, int($1 / 1000000) }'
}

# measure WHERE: appends what commands cost to ./costs; the second time counts.
measure() {
	local i

	for i in 1 2; do
		{
			echo "$1: cert-match $(calls cert-match n77.example.com)"
			echo "$1: cert-create $(calls \
			    cert-create -s "x$i.example.com" "x$i")"
			echo "$1: cert-create -f $(calls \
			    cert-create -fq -s "x$i.example.com" "x$i")"
			echo "$1: cert-rm $(calls cert-rm "x$i")"
			echo "$1: cert-list $(calls cert-list)"
			echo "$1: cert-check $(calls cert-check -e 0)"
		} >costs.new
	done
	sed 's/\([0-9]*\) \([0-9]*\)$/\1 calls, \2 ms/' costs.new >>costs
}
