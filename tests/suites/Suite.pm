# Suite.pm: what the suites share: cases are judged by cert-verify and, in the
# same run, by openssl verify, with -q only those that cert-verify gets wrong;
# then come the sums.
#
# Prints each wrong case with what was said of it and the reason that the file
# "reasons" has for it, LOST where openssl gets it right, and for each group
# how many are right, wrongly accepted, wrongly refused, and how many could not
# be told (status 2).  A wrong case without a reason, a reason nobody needs, and
# a case that takes more than a second of CPU make finish give 1, else 0.
package Suite;

use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX qw(dup2);

# Seconds of CPU for a case; sanitizers take tenfold.
my $most = $ENV{CERTSTORE_SANITIZE} ? 15 : 1;
my @columns = ('right', 'wrongly accepted', 'wrongly refused', 'not told');

# new(prefix of this suite's ids in reasons, options: q as above, v to print
# descriptions)
sub new {
	my ($class, $prefix, %opt) = @_;
	my $file = $0 =~ s|[^/]*$||r . 'reasons';
	my %reasons;

	open(my $in, '<', $file) or die "$file: $!\n";
	while (<$in>) {
		next if /^(#|$)/;
		/^(\S+): (\S.*)$/ or die "$file: line $.: not id: reason\n";
		$reasons{$1} = $2 if index($1, $prefix) == 0;
	}
	$| = 1;
	return bless {
		prefix => $prefix,
		quick => $opt{q},
		verbose => $opt{v},
		reasons => \%reasons,
		file => $file,
		dir => tempdir(CLEANUP => 1),
		groups => [],
		count => {},
		bad => 0,
	}, $class;
}

# A file for the case at hand: its path.
sub put {
	my ($self, $name, @texts) = @_;
	my $path = "$self->{dir}/$name";

	open(my $out, '>:utf8', $path) or die "$path: $!\n";
	print $out map { /\n\z/ ? $_ : "$_\n" } @texts;
	close($out) or die "$path: $!\n";
	return $path;
}

# Runs a command, at most a minute of CPU: its status, its output, its CPU seconds.
sub run {
	my ($self, @command) = @_;
	my ($user, $sys) = (times)[2, 3];
	my $pid = fork() // die "fork: $!\n";

	if ($pid == 0) {
		open(my $out, '>', "$self->{dir}/said") or die "said: $!\n";
		dup2(fileno($out), 1);
		dup2(fileno($out), 2);
		exec('sh', '-c', 'ulimit -t 60; exec "$@"', 'sh', @command)
		    or die "sh: $!\n";
	}
	waitpid($pid, 0);
	my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	my ($user2, $sys2) = (times)[2, 3];
	open(my $in, '<', "$self->{dir}/said") or die "said: $!\n";
	local $/;
	return ($status, scalar(<$in>), $user2 + $sys2 - $user - $sys);
}

# One case: id, group, whether it is good, text; our command line, openssl's.
sub judge {
	my ($self, $id, $group, $good, $text, $ours, @theirs) = @_;
	my ($status, $said, $cpu) = $self->run(@$ours);
	my $column = $status > 1 ? 3 : ($status == 0) == $good ? 0 :
	    $good ? 2 : 1;
	my @right = map {
		my ($s) = $self->run(@$_);
		$s < 124 && ($s == 0) == $good ? 1 : 0
	} $self->{quick} && $column == 0 ? () : @theirs;

	push(@{ $self->{groups} }, $group) if !$self->{count}{$group};
	for my $sum ($self->{count}{$group} //= {},
	    $self->{count}{total} //= {}) {
		$sum->{cases}++;
		$sum->{$column}++;
		$sum->{"openssl $_"} += $right[$_] for 0 .. $#right;
	}
	if ($cpu > $most) {
		printf("SLOW %s: %.1f s\n", $id, $cpu);
		$self->{bad} = 1;
	}
	return if $column == 0;
	my ($line) = $said =~ /^([^\n]*\S[^\n]*)$/m;
	my $reason = delete($self->{reasons}{ $self->{prefix} . $id });
	printf("%s %s: %s, status %d: %s\n    %s\n",
	    (grep { $_ } @right) ? 'LOST' : 'WRONG', $id, $columns[$column],
	    $status, $line // '(nothing)', $reason // 'NO REASON');
	print map { "    $_\n" } split(/\n/, $text) if $self->{verbose};
	$self->{bad} = 1 if !defined($reason);
}

sub table {
	my ($self, @heads) = @_;
	@heads = () if $self->{quick};
	my $format = "%-18s %6s %6s %9s %8s %6s " . ' %9s' x @heads . "\n";

	printf("\n$format$format", '', '', '', 'wrongly', 'wrongly', 'not',
	    @heads, 'group', 'cases', 'right', 'accepted', 'refused', 'told',
	    map { 'right' } @heads);
	for my $group (@{ $self->{groups} }, 'total') {
		my $sum = $self->{count}{$group};

		printf($format, $group, $sum->{cases},
		    (map { $sum->{$_} // 0 } 0 .. 3),
		    map { $sum->{"openssl $_"} } 0 .. $#heads);
	}
}

# finish(what the columns of openssl are called)
sub finish {
	my ($self, @heads) = @_;

	for my $id (sort(keys(%{ $self->{reasons} }))) {
		print "$self->{file}: $id: nobody needs this: delete it\n";
		$self->{bad} = 1;
	}
	$self->table(@heads);
	return $self->{bad};
}

1;
