# One Makefile for GNU make and bmake, every file by name.
#
#	all  demo  check  check-units  check-asan  check-faults  check-servers
#	check-hosts  check-machines  check-abi  check-package  suites  bench  fuzz  lint
#	fmt  fmt-check  install  uninstall  dist  distcheck  package  clean
#
# $$CFLAGS, $$CPPFLAGS and $$LDFLAGS are the caller's, from the environment or
# the command line: both makes hand them to the shell, while bmake's sys.mk
# empties LDFLAGS and changes CPPFLAGS when DESTDIR is set.

include config.mk

# The folders of the library, from the bottom up.
BASE = lib/base/ahead.c lib/base/array.c lib/base/buf.c lib/base/crypto.c \
	lib/base/error.c lib/base/escape.c lib/base/file.c lib/base/filelock.c \
	lib/base/hash.c lib/base/idn.c lib/base/mount.c lib/base/name.c \
	lib/base/stamp.c lib/base/strings.c lib/base/tel.c lib/base/time.c
STORE = lib/store/combined.c lib/store/crlinfo.c lib/store/crllist.c \
	lib/store/crlname.c lib/store/due.c lib/store/endpoint.c \
	lib/store/entry.c lib/store/fence.c lib/store/former.c \
	lib/store/generation.c lib/store/held.c lib/store/index.c \
	lib/store/indexed.c lib/store/info.c lib/store/issued.c \
	lib/store/issuedkey.c lib/store/issuedlist.c \
	lib/store/issuedread.c lib/store/layout.c \
	lib/store/linkcheck.c lib/store/links.c lib/store/list.c \
	lib/store/lock.c lib/store/log.c lib/store/lost.c \
	lib/store/match.c lib/store/mend.c lib/store/method.c \
	lib/store/mode.c \
	lib/store/moment.c lib/store/names.c lib/store/newprops.c \
	lib/store/orderstate.c lib/store/orderwrite.c \
	lib/store/parents.c lib/store/pointer.c lib/store/profile.c \
	lib/store/propedit.c lib/store/propread.c \
	lib/store/props.c lib/store/purge.c lib/store/put.c \
	lib/store/recover.c lib/store/remove.c lib/store/repair.c \
	lib/store/repeat.c lib/store/resolve.c lib/store/revert.c \
	lib/store/revoked.c lib/store/search.c lib/store/set.c \
	lib/store/setends.c lib/store/setgen.c lib/store/settings.c \
	lib/store/settle.c lib/store/store.c lib/store/sweep.c \
	lib/store/told.c lib/store/trustname.c \
	lib/store/unlink.c lib/store/user.c lib/store/write.c \
	lib/store/x5u.c
PEM = lib/pem/block.c lib/pem/container.c lib/pem/decrypt.c \
	lib/pem/der.c lib/pem/item.c lib/pem/lines.c lib/pem/marker.c \
	lib/pem/pem.c lib/pem/pkcs8.c
X509 = lib/x509/asn1.c lib/x509/cert.c lib/x509/certs.c lib/x509/chain.c \
	lib/x509/describe.c lib/x509/key.c lib/x509/keypair.c \
	lib/x509/part.c lib/x509/print.c lib/x509/revocation.c \
	lib/x509/strength.c \
	lib/x509/subtree.c lib/x509/tnauth.c lib/x509/uses.c
ISSUE = lib/issue/batch.c lib/issue/calls.c lib/issue/caution.c \
	lib/issue/constraint.c \
	lib/issue/copy.c lib/issue/create.c lib/issue/csr.c \
	lib/issue/export.c lib/issue/extension.c lib/issue/extra.c \
	lib/issue/issue.c lib/issue/issuer.c lib/issue/keep.c \
	lib/issue/life.c lib/issue/newkey.c lib/issue/ordering.c \
	lib/issue/profileline.c \
	lib/issue/request.c lib/issue/reuse.c lib/issue/sign.c \
	lib/issue/signing.c lib/issue/subject.c lib/issue/template.c
IMPORT = lib/import/answer.c lib/import/ident.c lib/import/import.c \
	lib/import/issuers.c lib/import/keyfile.c lib/import/keyowner.c \
	lib/import/naming.c lib/import/objection.c lib/import/ordered.c \
	lib/import/plan.c lib/import/pool.c lib/import/poolcert.c \
	lib/import/warning.c
TRUST = lib/trust/add.c lib/trust/anchor.c lib/trust/change.c \
	lib/trust/crl.c lib/trust/given.c lib/trust/result.c \
	lib/trust/sets.c lib/trust/trust.c lib/trust/trustdir.c \
	lib/trust/trustset.c lib/trust/trustwrite.c
VERIFY = lib/verify/algorithm.c lib/verify/anchors.c lib/verify/cache.c \
	lib/verify/judge.c lib/verify/lazycerts.c \
	lib/verify/nameconstraint.c lib/verify/path.c \
	lib/verify/purpose.c lib/verify/rule.c lib/verify/san.c \
	lib/verify/setcrls.c lib/verify/signature.c lib/verify/syntax.c \
	lib/verify/verify.c
CA = lib/ca/newcrl.c lib/ca/publish.c lib/ca/revoke.c lib/ca/target.c
RENEW = lib/renew/below.c lib/renew/reissue.c lib/renew/renew.c \
	lib/renew/retrust.c lib/renew/wishes.c
DUE = lib/due/attempt.c lib/due/backoff.c lib/due/schedule.c \
	lib/due/waiting.c
ACME = lib/acme/account.c lib/acme/acmedir.c lib/acme/anchored.c \
	lib/acme/base64url.c lib/acme/certid.c lib/acme/jsontext.c \
	lib/acme/jwk.c lib/acme/jws.c lib/acme/keyauth.c lib/acme/order.c \
	lib/acme/orderask.c lib/acme/ordertake.c lib/acme/values.c \
	lib/acme/weburl.c
AUDIT = lib/audit/audit.c lib/audit/code.c lib/audit/crlcheck.c \
	lib/audit/endcheck.c lib/audit/entrycheck.c lib/audit/filecheck.c \
	lib/audit/finding.c lib/audit/indexcheck.c lib/audit/issuedcheck.c \
	lib/audit/issuedrepair.c lib/audit/needed.c \
	lib/audit/parsecheck.c lib/audit/placecheck.c lib/audit/repairs.c \
	lib/audit/sidecheck.c lib/audit/trustcheck.c lib/audit/workcheck.c
DEPLOY = lib/deploy/deploy.c lib/deploy/informed.c lib/deploy/ledger.c \
	lib/deploy/value.c
LIBRARY = $(BASE) $(STORE) $(DEPLOY) $(PEM) $(X509) $(ISSUE) $(IMPORT) \
	$(TRUST) $(VERIFY) $(CA) $(RENEW) $(DUE) $(ACME) $(AUDIT)
SHARED = cmd/anchors.c cmd/assign.c cmd/attempt.c cmd/beside.c \
	cmd/checkargs.c cmd/clock.c cmd/cmd.c cmd/confine.c \
	cmd/field.c cmd/hook.c cmd/input.c cmd/json.c cmd/memory.c \
	cmd/monitor.c cmd/operand.c cmd/orders.c cmd/paste.c \
	cmd/progress.c cmd/record.c cmd/renewal.c cmd/secret.c \
	cmd/table.c cmd/taken.c cmd/template.c cmd/text.c cmd/worker.c \
	cmd/writer.c
# For the commands that speak to ACME servers.
ACME_SHARED = cmd/acme-account.c cmd/acme-caa.c cmd/acme-chain.c \
	cmd/acme-client.c cmd/acme-entry.c cmd/acme-header.c \
	cmd/acme-http.c cmd/acme-issue.c cmd/acme-json.c \
	cmd/acme-order.c cmd/acme-prove.c cmd/acme-session.c \
	cmd/acme-show.c cmd/acme-window.c cmd/caa.c cmd/dns.c cmd/httplook.c \
	cmd/method-hook.c cmd/method-http.c cmd/method-persist.c \
	cmd/method-program.c cmd/method-tkauth.c cmd/method-webroot.c \
	cmd/method.c cmd/portowner.c
# For cert-report.
REPORT_SHARED = cmd/report-chain.c cmd/report-entry.c \
	cmd/report-finding.c cmd/report-html.c cmd/report-page.c \
	cmd/report-timeline.c cmd/report-trust.c
# For cert-probe.
PROBE_SHARED = cmd/probe-judge.c cmd/probe-net.c cmd/probe-talk.c \
	cmd/probe-tls.c
MAINS = cmd/acme-responder.c cmd/acme-revoke.c cmd/cert-account.c \
	cmd/cert-acme.c cmd/cert-check.c cmd/cert-create.c \
	cmd/cert-crl.c cmd/cert-deploy.c cmd/cert-export.c \
	cmd/cert-import.c cmd/cert-list.c cmd/cert-match.c \
	cmd/cert-probe.c cmd/cert-renew.c cmd/cert-report.c \
	cmd/cert-revert.c cmd/cert-revoke.c cmd/cert-rm.c cmd/cert-set.c \
	cmd/cert-show.c cmd/cert-sign.c cmd/cert-trust.c cmd/cert-verify.c \
	cmd/check-store.c cmd/renew-due.c
UNITS = tests/test-acme.c tests/test-cert.c tests/test-chain.c \
	tests/test-container.c tests/test-create.c tests/test-deploy.c \
	tests/test-describe.c tests/test-escape.c tests/test-handles.c \
	tests/test-import.c tests/test-issue.c tests/test-key.c \
	tests/test-labels.c tests/test-limits.c tests/test-live.c \
	tests/test-match.c tests/test-misuse.c tests/test-name.c \
	tests/test-order.c tests/test-part.c \
	tests/test-pem.c tests/test-profile.c tests/test-refuse.c \
	tests/test-register.c tests/test-renew.c tests/test-store.c \
	tests/test-template.c tests/test-time.c \
	tests/test-trust.c tests/test-verify.c tests/test-writers.c
# The one whose allocations and system calls fail.
MEMORY_UNITS = tests/test-memory.c
# Those of the client of ACME.
ACME_UNITS = tests/test-client.c
# Those of cert-probe.
PROBE_UNITS = tests/test-probe.c
# And a client that servers are tested with.
PROBE_TOOLS = tests/handshakes
TOOLS = tests/forge tests/passport tests/pki
BENCH = tests/bench/bare tests/bench/gen tests/bench/parse tests/bench/time
FUZZERS = acme client crl import name pem profile props request \
	starttls tnauth trust verify
FUZZ_TIME = 60
EXAMPLES = tests/example/isgood.c tests/example/takein.c \
	tests/example/whose.c
HEADERS = lib/certstore.h lib/acme/private.h lib/audit/private.h \
	lib/base/base.h lib/ca/ca.h lib/ca/private.h \
	lib/deploy/private.h lib/due/private.h \
	lib/import/import.h lib/import/private.h lib/issue/issue.h \
	lib/issue/private.h lib/pem/pem.h lib/pem/private.h \
	lib/renew/private.h lib/store/private.h lib/store/store.h \
	lib/system.h lib/trust/private.h lib/trust/trust.h \
	lib/verify/private.h lib/x509/private.h lib/x509/x509.h \
	cmd/acme.h cmd/cmd.h cmd/entry.h cmd/kind.h cmd/method.h \
	cmd/probe.h cmd/report.h tests/failing.h tests/input.h tests/made.h \
	tests/pems.h tests/scratch.h tests/tap.h

PLAIN_COMMANDS = cert-check cert-deploy cert-list cert-match \
	cert-renew cert-revert cert-rm cert-set
CRYPTO_COMMANDS = cert-create cert-crl cert-export cert-import \
	cert-revoke cert-show cert-sign cert-trust
# The only one that asks whether a name is a public suffix.
PSL_COMMANDS = cert-verify
# The only ones that speak to ACME servers.
ACME_COMMANDS = cert-account cert-acme
# The only one that connects to TLS servers.
TLS_COMMANDS = cert-probe
REPORT_COMMANDS = cert-report
COMMANDS = $(PLAIN_COMMANDS) $(CRYPTO_COMMANDS) $(PSL_COMMANDS) \
	$(ACME_COMMANDS) $(TLS_COMMANDS) $(REPORT_COMMANDS)
# Run by commands only.
WORKERS = acme-responder acme-revoke check-store renew-due
HOOKS = hooks/dehydrated hooks/nsupdate
# Run by hand, cron, cert-deploy or sshd.
HOST_SCRIPTS = dist/easyrsa-import dist/pull dist/push dist/receive

PROFILES = dist/profiles/eap-tls-client dist/profiles/eap-tls-server \
	dist/profiles/openvpn-client dist/profiles/openvpn-server \
	dist/profiles/smime dist/profiles/strongswan-client \
	dist/profiles/strongswan-server

MAN1 = cert-account.1 cert-acme.1 cert-check.1 cert-create.1 \
	cert-crl.1 cert-deploy.1 cert-export.1 cert-import.1 cert-list.1 \
	cert-match.1 cert-probe.1 cert-renew.1 cert-report.1 \
	cert-revert.1 cert-revoke.1 cert-rm.1 cert-set.1 cert-show.1 \
	cert-sign.1 cert-trust.1 cert-verify.1
MAN3 = certstore.3 certstore_acme.3 certstore_audit.3 \
	certstore_certs.3 certstore_create.3 certstore_crl.3 \
	certstore_deploy.3 certstore_due.3 certstore_entry.3 \
	certstore_escape.3 certstore_export.3 certstore_import.3 \
	certstore_list.3 \
	certstore_match.3 certstore_open.3 certstore_order.3 \
	certstore_remove.3 certstore_renew.3 certstore_repair.3 \
	certstore_revert.3 certstore_revoke.3 certstore_set.3 \
	certstore_sign.3 certstore_time.3 \
	certstore_trust.3 certstore_verify.3
MAN5 = certstore.5
MAN7 = certstore.7

# To be followed by the name of a file in dist/completion.
COMPLETION = sed -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|' \
	-e 's|@DATADIR@|$(DATADIR)|' -e 's|@COMMANDS@|$(COMMANDS)|' \
	dist/completion
# Pages and scripts have the paths of a plain make install.
PLACES = sed -e 's|/usr/local/libexec|$(LIBEXECDIR)|g' \
	-e 's|/usr/local/share/certstore|$(DATADIR)|g'
SYSTEMD_UNITS = cert-deploy.service cert-renew.service cert-renew.timer
SO = libcertstore.so.0
LIB_OBJS = $(LIBRARY:.c=.o)
SHARED_OBJS = $(SHARED:.c=.o)
ACME_OBJS = $(ACME_SHARED:.c=.o)
PROBE_OBJS = $(PROBE_SHARED:.c=.o)
REPORT_OBJS = $(REPORT_SHARED:.c=.o)
MAIN_OBJS = $(MAINS:.c=.o)
UNIT_OBJS = $(UNITS:.c=.o) $(MEMORY_UNITS:.c=.o) $(ACME_UNITS:.c=.o) $(PROBE_UNITS:.c=.o)
TOOL_OBJS = $(TOOLS:=.o) $(PROBE_TOOLS:=.o) tests/clock.o \
	tests/hostile.o tests/method.o tests/slow.o tests/starve.o
PRELOADS = tests/clock.so tests/hostile.so tests/slow.so tests/starve.so
BENCH_OBJS = tests/bench/bare.o tests/bench/gen.o tests/bench/parse.o \
	tests/bench/time.o
BENCH_SOURCES = $(BENCH_OBJS:.o=.c)
TESTS = $(UNITS:.c=)
MEMORY_TESTS = $(MEMORY_UNITS:.c=)
ACME_TESTS = $(ACME_UNITS:.c=)
PROBE_TESTS = $(PROBE_UNITS:.c=)
SOURCES = $(LIBRARY) $(SHARED) $(ACME_SHARED) $(PROBE_SHARED) \
	$(REPORT_SHARED) $(MAINS) $(UNITS) $(MEMORY_UNITS) \
	$(ACME_UNITS) $(PROBE_UNITS) \
	tests/clock.c tests/forge.c tests/handshakes.c tests/hostile.c \
	tests/method.c tests/passport.c tests/pki.c tests/slow.c \
	tests/starve.c \
	$(EXAMPLES) $(BENCH_SOURCES)
SCRIPTS = $(HOOKS) $(HOST_SCRIPTS) dist/completion/complete.bash \
	dist/completion/complete.sh dist/package debian/certstore.config \
	debian/certstore.postinst debian/certstore.postrm \
	debian/tests/recipes tests/coverage tests/deps.sh tests/run \
	tests/demo tests/abi tests/machines/run tests/package/life \
	tests/package/run tests/servers/run .ci/run tests/bench/acme \
	tests/bench/run tests/bench/grow tests/bench/stores.sh \
	tests/suites/run
PERLS = tests/days tests/exec tests/powercut tests/servers/unit \
	tests/suites/limbo tests/suites/pkits

COMPILE = $(CC) -std=c11 $(WARN) $(DEFINES) $(FORTIFY) -Ilib -Icmd -Itests \
	-DCMD_LIBEXECDIR='"$(LIBEXECDIR)"' $$CPPFLAGS -O2 $(HARDEN) $$CFLAGS
LINK = $(CC) $$CFLAGS $(RELRO) $$LDFLAGS
SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
# A program that contains the sanitizers starts in two thirds of the time; what
# is preloaded must not have them then.
SANITIZE_STATIC = -static-libasan -static-libubsan
TARBALL = certstore-$(VERSION)

all: $(COMMANDS) $(WORKERS) libcertstore.a $(SO)

.SUFFIXES:
.SUFFIXES: .c .o
.c.o:
	$(COMPILE) -c -o $@ $<

$(LIB_OBJS) $(SHARED_OBJS) $(ACME_OBJS) $(PROBE_OBJS) $(REPORT_OBJS) \
	$(MAIN_OBJS) $(UNIT_OBJS) $(TOOL_OBJS) $(BENCH_OBJS): \
	$(HEADERS) config.mk Makefile

# The style of a page as lines of a C string.
cmd/report-css.inc: cmd/report.css
	sed -e 's/^[[:blank:]]*//' -e '/^$$/d' -e 's/["\\]/\\&/g' \
	    -e 's/.*/"&\\n"/' cmd/report.css >$@
cmd/report-page.o: cmd/report-css.inc

libcertstore.a: $(LIB_OBJS)
	rm -f $@
	$(AR) rcs $@ $(LIB_OBJS)

$(SO): $(LIB_OBJS) lib/libcertstore.map
	$(LINK) -shared -Wl,-soname,$(SO) \
	    -Wl,--version-script=lib/libcertstore.map \
	    -o $@ $(LIB_OBJS) $(LIBS)

cmd/shared.a: $(SHARED_OBJS)
	rm -f $@
	$(AR) rcs $@ $(SHARED_OBJS)

cmd/acme.a: $(ACME_OBJS)
	rm -f $@
	$(AR) rcs $@ $(ACME_OBJS)

cmd/probe.a: $(PROBE_OBJS)
	rm -f $@
	$(AR) rcs $@ $(PROBE_OBJS)

cmd/report.a: $(REPORT_OBJS)
	rm -f $@
	$(AR) rcs $@ $(REPORT_OBJS)

$(PLAIN_COMMANDS): $(MAIN_OBJS) cmd/shared.a libcertstore.a
	$(LINK) $(PIE) -o $@ cmd/$@.o cmd/shared.a libcertstore.a $(LIBBSD)

$(CRYPTO_COMMANDS) check-store renew-due: $(MAIN_OBJS) cmd/shared.a \
	libcertstore.a
	$(LINK) $(PIE) -o $@ cmd/$@.o cmd/shared.a libcertstore.a \
	    $(LIBCRYPTO) $(LIBBSD)

$(PSL_COMMANDS): $(MAIN_OBJS) cmd/shared.a libcertstore.a
	$(LINK) $(PIE) -o $@ cmd/$@.o cmd/shared.a libcertstore.a \
	    $(LIBCRYPTO) $(LIBPSL) $(LIBBSD)

$(ACME_COMMANDS) acme-revoke: $(MAIN_OBJS) cmd/acme.a cmd/shared.a libcertstore.a
	$(LINK) $(PIE) -o $@ cmd/$@.o cmd/acme.a cmd/shared.a libcertstore.a \
	    $(LIBACME) $(LIBCRYPTO) $(LIBBSD)

$(TLS_COMMANDS): $(MAIN_OBJS) cmd/probe.a cmd/shared.a libcertstore.a
	$(LINK) $(PIE) -o $@ cmd/$@.o cmd/probe.a cmd/shared.a libcertstore.a \
	    $(LIBSSL) $(LIBCRYPTO) $(LIBBSD)

$(REPORT_COMMANDS): $(MAIN_OBJS) cmd/report.a cmd/shared.a libcertstore.a
	$(LINK) $(PIE) -o $@ cmd/$@.o cmd/report.a cmd/shared.a \
	    libcertstore.a $(LIBCRYPTO) $(LIBBSD)

acme-responder: $(MAIN_OBJS)
	$(LINK) $(PIE) -o $@ cmd/acme-responder.o $(LIBMICROHTTPD)

units: $(TESTS) $(MEMORY_TESTS) $(ACME_TESTS) $(PROBE_TESTS) $(TOOLS) $(PROBE_TOOLS) \
	$(BENCH) $(PRELOADS) tests/method
$(ACME_TESTS) tests/method: $(UNIT_OBJS) tests/method.o cmd/acme.a \
	cmd/shared.a libcertstore.a
	$(LINK) $(PIE) -o $@ $@.o cmd/acme.a cmd/shared.a \
	    libcertstore.a $(LIBACME) $(LIBCRYPTO) $(LIBBSD)
$(PROBE_TESTS) $(PROBE_TOOLS): $(UNIT_OBJS) $(TOOL_OBJS) cmd/probe.a \
	cmd/shared.a libcertstore.a
	$(LINK) $(PIE) -o $@ $@.o cmd/probe.a cmd/shared.a libcertstore.a \
	    $(LIBSSL) $(LIBCRYPTO) $(LIBBSD)
tests/clock.so: tests/clock.o
	$(LINK) -shared -o $@ tests/clock.o
tests/hostile.so: tests/hostile.o
	$(LINK) -shared -o $@ tests/hostile.o
tests/slow.so: tests/slow.o
	$(LINK) -shared -o $@ tests/slow.o
tests/starve.so: tests/starve.o
	$(LINK) -shared -o $@ tests/starve.o
$(TESTS) $(TOOLS): $(UNIT_OBJS) $(TOOL_OBJS) libcertstore.a
	$(LINK) $(PIE) -o $@ $@.o libcertstore.a $(LIBCRYPTO) $(LIBBSD)

# The functions of libc that tests/failing.h replaces, in the library too.
WRAPPED = malloc calloc realloc reallocarray free strdup strndup asprintf \
	vasprintf __asprintf_chk __vasprintf_chk freezero recallocarray open \
	open64 openat openat64 stat stat64 lstat lstat64 fstat fstat64 fstatat \
	fstatat64 fstatfs fstatfs64 ftruncate ftruncate64 pread pread64 pwrite \
	pwrite64 read write getdents64 readlink readlinkat fgetxattr \
	fremovexattr faccessat fchmod fchown flock fsync syncfs futimens \
	mkdirat symlinkat unlinkat renameat nanosleep
WRAP = $(WRAPPED:%=-Wl,--wrap=%)
$(MEMORY_TESTS): $(UNIT_OBJS) libcertstore.a
	$(LINK) $(PIE) $(WRAP) -o $@ $@.o libcertstore.a $(LIBCRYPTO) $(LIBBSD)

# bare and time stay without libcrypto, which would slow down the anchors.
$(BENCH): $(BENCH_OBJS) libcertstore.a
	$(LINK) $(PIE) -o $@ $@.o libcertstore.a $$(case $@ in */gen|*/parse) \
	    echo "$(LIBCRYPTO)" ;; esac) $(LIBBSD)

bench: all $(BENCH)
	@sh tests/bench/run

demo: all
	@sh tests/demo

check: all units
	@sh tests/run

# What needs no command.
check-units: units
	@sh tests/run $(TESTS) $(MEMORY_TESTS) $(ACME_TESTS) $(PROBE_TESTS)

# The same in a copy, since every object differs; prove has the last word.
check-asan: build-asan
	@cd build-asan && CERTSTORE_SANITIZE=1 sh tests/run

build-asan:
	rm -rf build-asan
	mkdir build-asan
	cp -R Makefile config.mk README LICENSE NEWS HACKING cmd debian dist \
	    hooks lib man tests build-asan
	cd build-asan && $(MAKE) clean && $(MAKE) $(PRELOADS) && \
	    $(MAKE) CFLAGS="$(SANITIZE)" PIE="$(PIE) $(SANITIZE_STATIC)" \
	    CPPFLAGS="-U_FORTIFY_SOURCE -DCMD_UNCONFINED" all units

# Which lines of lib/ no test reaches: prints them, and how many there are.  Every
# allocation and every system call of many calls fails here; the sweeps are left
# out, which kill the same writers again and again.  Other users, as whom tests
# run commands, can write the counters, too.
coverage:
	rm -rf build-coverage
	mkdir build-coverage
	cp -R Makefile config.mk README LICENSE NEWS HACKING cmd debian dist \
	    hooks lib man tests build-coverage
	cd build-coverage && $(MAKE) clean && \
	    $(MAKE) CFLAGS="-O0 --coverage" LDFLAGS=--coverage \
	    CPPFLAGS="-U_FORTIFY_SOURCE -DCMD_UNCONFINED" all units && \
	    find . -name '*.gcno' | sed 's/gcno$$/gcda/' | xargs touch && \
	    find . -name '*.gcda' -exec chmod 666 {} + && \
	    { FAULTS=ways TIMEOUT=3600 sh tests/run $(MEMORY_TESTS); \
	    sh tests/run $(TESTS) $(ACME_TESTS) $(PROBE_TESTS) \
	    $$(ls tests/*.bats | grep -Ev \
	    '/(acmedays|acmekill|days|faults|kill|power|starve)[.]bats$$'); \
	    sh tests/coverage; }

# Every system call of every writer killed and made to fail, the power cut after
# each, and every allocation failing, of which check has a sample: an hour or two.
check-faults: all units
	FAULTS=all TIMEOUT=7200 sh tests/run $(MEMORY_TESTS) tests/kill.bats \
	    tests/faults.bats tests/power.bats tests/repair.bats tests/days.bats \
	    tests/acmekill.bats tests/acmedays.bats tests/starve.bats

# Servers of Debian that are busy while their certificates are replaced, each
# with the lines of certstore(7); needs root.  check has four of them.
check-servers: all units
	prove -fo --directives -j "$${JOBS:-2}" -e 'perl tests/exec bash tests/servers/run' \
	    tests/servers/*.server

# A store that several hosts have: on GlusterFS, on NFS, and pull, push and
# receive through sshd; and the profiles of AppArmor.  Virtual machines have
# Debian's kernel, which is downloaded.
check-hosts: all units
	HOSTS=all TIMEOUT=3600 sh tests/run tests/pull.bats tests/hosts/*.bats

# i386, arm64, armhf, s390x, musl, the part of lib/system.h for other systems,
# and later OpenSSLs; MACHINES_WANTED names some of them.
check-machines:
	bash tests/machines/run $(MACHINES_WANTED)

# What libcertstore.so exports against REF, by default the last tag.
check-abi:
	@sh tests/abi $(REF)

# The suites of others, through cert-verify and openssl verify.
suites: all
	@LIMBO='$(LIMBO)' sh tests/suites/run

# Each fuzzer for FUZZ_TIME seconds over what the tests read.
FUZZ = clang -std=c11 $(DEFINES) -g -O1
fuzz:
	rm -rf build-fuzz
	mkdir build-fuzz build-fuzz/lib
	cd build-fuzz/lib && printf '../../%s\n' $(LIBRARY) \
	    cmd/acme-header.c cmd/acme-json.c cmd/probe-talk.c | \
	    xargs -n 12 -P 4 $(FUZZ) -I../../lib -I../../cmd \
	    -fsanitize=fuzzer-no-link,address,undefined -c
	for f in $(FUZZERS); do \
	    mkdir build-fuzz/corpus-$$f && \
	    $(FUZZ) -Ilib -Icmd -fsanitize=fuzzer,address,undefined \
	    -o build-fuzz/$$f tests/fuzz/fuzz-$$f.c build-fuzz/lib/*.o \
	    $(LIBACME) $(LIBCRYPTO) $(LIBBSD) && \
	    build-fuzz/$$f -max_total_time=$(FUZZ_TIME) -max_len=20000 \
	    -verbosity=0 -print_final_stats=1 build-fuzz/corpus-$$f \
	    tests/data/acme tests/data/client tests/data/crl \
	    tests/data/keys tests/data/pem tests/data/hostile \
	    dist/profiles tests/data/profile tests/data/props \
	    tests/data/request tests/data/starttls tests/data/tnauth \
	    tests/data/trust tests/data/verify || exit 1; done

# Left out: variables from a bats file that another one sets or uses; calls
# with an error taken for such that went well; a command without memory ends.
# cppcheck is told the one macro of libcrypto's that it cannot do without.
lint: fmt-check cmd/report-css.inc
	mandoc -T lint -W warning man/*.[1-9]
	shellcheck $(SCRIPTS)
	shellcheck -S warning -e SC2034,SC2154 tests/*.bash tests/*.bats \
	    tests/hosts/*.bash tests/hosts/*.bats tests/servers/*.server
	for f in $(PERLS); do perl -wc $$f || exit 1; done
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,portability --suppress=ctuuninitvar \
	    --suppress=ctunullpointer:tests/pki.c \
	    --suppress=ctunullpointer:cmd/monitor.c \
	    --suppress='memleakOnRealloc:cmd/*' -D_GNU_SOURCE \
	    -D'static_ASN1_SEQUENCE_END_name(s,n)=' \
	    -D'static_ASN1_CHOICE_END(t)=' \
	    -D'static_ASN1_ITEM_TEMPLATE_END(t)=' \
	    -D'DEFINE_STACK_OF(t)=' -Ilib -Icmd -Itests \
	    $(SOURCES)

fmt:
	clang-format -i $(SOURCES)

fmt-check:
	clang-format --dry-run -Werror $(SOURCES)

install: all
	$(INSTALL) -d -m 755 "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(INCDIR)" \
	    "$(DESTDIR)$(LIBDIR)" "$(DESTDIR)$(PCDIR)" "$(DESTDIR)$(MANDIR)/man1" \
	    "$(DESTDIR)$(MANDIR)/man3" "$(DESTDIR)$(MANDIR)/man5" \
	    "$(DESTDIR)$(MANDIR)/man7"
	$(INSTALL) -d -m 755 "$(DESTDIR)$(LIBEXECDIR)/certstore/hooks" \
	    "$(DESTDIR)$(UNITDIR)" "$(DESTDIR)$(EXAMPLEDIR)"
	$(INSTALL) -m 755 $(COMMANDS) "$(DESTDIR)$(BINDIR)"
	$(INSTALL) -m 755 $(WORKERS) "$(DESTDIR)$(LIBEXECDIR)/certstore"
	$(INSTALL) -m 755 $(HOOKS) "$(DESTDIR)$(LIBEXECDIR)/certstore/hooks"
	for s in $(HOST_SCRIPTS); do \
	    $(PLACES) $$s >"$(DESTDIR)$(LIBEXECDIR)/certstore/$${s#dist/}" && \
	    chmod 755 "$(DESTDIR)$(LIBEXECDIR)/certstore/$${s#dist/}" || \
	    exit 1; done
	$(INSTALL) -m 644 lib/certstore.h "$(DESTDIR)$(INCDIR)"
	$(INSTALL) -m 644 libcertstore.a $(SO) "$(DESTDIR)$(LIBDIR)"
	ln -sf $(SO) "$(DESTDIR)$(LIBDIR)/libcertstore.so"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@INCDIR@|$(INCDIR)|' \
	    -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@LIBS@|$(LIBS)|' lib/libcertstore.pc.in \
	    >"$(DESTDIR)$(PCDIR)/libcertstore.pc"
	chmod 644 "$(DESTDIR)$(PCDIR)/libcertstore.pc"
	for m in $(MAN1) $(MAN3) $(MAN5) $(MAN7); do \
	    $(PLACES) man/$$m >"$(DESTDIR)$(MANDIR)/man$${m##*.}/$$m" && \
	    chmod 644 "$(DESTDIR)$(MANDIR)/man$${m##*.}/$$m" || exit 1; done
	for u in $(SYSTEMD_UNITS); do \
	    sed -e 's|@BINDIR@|$(BINDIR)|' dist/$$u \
	    >"$(DESTDIR)$(UNITDIR)/$$u" && \
	    chmod 644 "$(DESTDIR)$(UNITDIR)/$$u" || exit 1; done
	sed -e 's|@BINDIR@|$(BINDIR)|' dist/certstore.cron \
	    >"$(DESTDIR)$(EXAMPLEDIR)/certstore.cron"
	chmod 644 "$(DESTDIR)$(EXAMPLEDIR)/certstore.cron"
	$(INSTALL) -m 644 dist/certstore.logrotate "$(DESTDIR)$(EXAMPLEDIR)"
	$(INSTALL) -d -m 755 "$(DESTDIR)$(DATADIR)/profiles" "$(DESTDIR)$(BASHDIR)" \
	    "$(DESTDIR)$(FISHDIR)" "$(DESTDIR)$(ZSHDIR)"
	$(INSTALL) -m 644 $(PROFILES) "$(DESTDIR)$(DATADIR)/profiles"
	awk -f dist/completion/table.awk dist/completion/arguments \
	    lib/audit/code.c $(SHARED) $(MAINS) \
	    >"$(DESTDIR)$(DATADIR)/completion"
	$(COMPLETION)/complete.sh >"$(DESTDIR)$(LIBEXECDIR)/certstore/complete"
	$(COMPLETION)/complete.bash >"$(DESTDIR)$(BASHDIR)/certstore"
	$(COMPLETION)/complete.fish >"$(DESTDIR)$(FISHDIR)/certstore.fish"
	$(COMPLETION)/complete.zsh >"$(DESTDIR)$(ZSHDIR)/_certstore"
	for c in $(COMMANDS); do \
	    ln -sf certstore "$(DESTDIR)$(BASHDIR)/$$c" && \
	    ln -sf certstore.fish "$(DESTDIR)$(FISHDIR)/$$c.fish" || \
	    exit 1; done
	chmod 755 "$(DESTDIR)$(LIBEXECDIR)/certstore/complete"
	chmod 644 "$(DESTDIR)$(DATADIR)/completion" \
	    "$(DESTDIR)$(BASHDIR)/certstore" "$(DESTDIR)$(ZSHDIR)/_certstore" \
	    "$(DESTDIR)$(FISHDIR)/certstore.fish"
	@test -n "$(DESTDIR)" || test "$$(id -u)" -ne 0 || \
	    ! command -v ldconfig >/dev/null || ldconfig

uninstall:
	for c in $(COMMANDS); do rm -f "$(DESTDIR)$(BINDIR)/$$c"; done
	for c in $(WORKERS); do \
	    rm -f "$(DESTDIR)$(LIBEXECDIR)/certstore/$$c"; done
	for h in $(HOOKS) $(HOST_SCRIPTS); do \
	    rm -f "$(DESTDIR)$(LIBEXECDIR)/certstore/$${h#dist/}"; done
	rm -f "$(DESTDIR)$(INCDIR)/certstore.h" "$(DESTDIR)$(LIBDIR)/$(SO)" \
	    "$(DESTDIR)$(LIBDIR)/libcertstore.so" \
	    "$(DESTDIR)$(LIBDIR)/libcertstore.a" \
	    "$(DESTDIR)$(PCDIR)/libcertstore.pc"
	for u in $(SYSTEMD_UNITS); do rm -f "$(DESTDIR)$(UNITDIR)/$$u"; done
	rm -f "$(DESTDIR)$(EXAMPLEDIR)/certstore.cron" \
	    "$(DESTDIR)$(EXAMPLEDIR)/certstore.logrotate"
	for c in certstore $(COMMANDS); do rm -f "$(DESTDIR)$(BASHDIR)/$$c" \
	    "$(DESTDIR)$(FISHDIR)/$$c.fish"; done
	for p in $(PROFILES); do \
	    rm -f "$(DESTDIR)$(DATADIR)/$${p#dist/}"; done
	rm -f "$(DESTDIR)$(LIBEXECDIR)/certstore/complete" \
	    "$(DESTDIR)$(DATADIR)/completion" "$(DESTDIR)$(ZSHDIR)/_certstore"
	for m in $(MAN1) $(MAN3) $(MAN5) $(MAN7); do \
	    rm -f "$(DESTDIR)$(MANDIR)/man$${m##*.}/$$m"; done
	for d in $(LIBEXECDIR)/certstore/hooks $(LIBEXECDIR)/certstore \
	    $(DATADIR)/profiles $(DATADIR) $(EXAMPLEDIR); do \
	    rmdir "$(DESTDIR)$$d" 2>/dev/null || :; done

dist:
	git archive --prefix=$(TARBALL)/ -o $(TARBALL).tar.gz HEAD

distcheck: dist
	rm -rf $(TARBALL)
	tar xzf $(TARBALL).tar.gz
	cd $(TARBALL) && $(MAKE) check && $(MAKE) clean
	cd $(TARBALL) && $(MAKE) CC=clang CFLAGS=-Werror check-units && \
	    $(MAKE) clean
	cd $(TARBALL) && unset MAKEFLAGS MFLAGS && \
	    bmake CFLAGS=-Werror check-units && bmake clean
	rm -rf $(TARBALL)

# The packages of Debian, into the directory package.
package:
	@sh dist/package package

# Builds them twice, runs lintian, and installs, upgrades, removes and purges
# them in a chroot, where autopkgtest runs the recipes: root, a mirror, a quarter
# of an hour.
check-package:
	@sh tests/package/run

clean:
	rm -f $(COMMANDS) $(WORKERS) libcertstore.a $(SO)
	rm -f cmd/acme.a cmd/probe.a cmd/report.a cmd/report-css.inc cmd/shared.a
	rm -f $(LIB_OBJS) $(SHARED_OBJS) $(ACME_OBJS) $(PROBE_OBJS)
	rm -f $(REPORT_OBJS) $(MAIN_OBJS)
	rm -f $(UNIT_OBJS) $(TESTS) $(MEMORY_TESTS) $(ACME_TESTS)
	rm -f $(PROBE_TESTS) $(TOOL_OBJS)
	rm -f $(TOOLS) $(PROBE_TOOLS) $(PRELOADS)
	rm -f tests/method
	rm -f $(BENCH_OBJS) $(BENCH)
	rm -rf build-abi build-asan build-coverage build-fuzz \
	    build-machines package $(TARBALL) $(TARBALL).tar.gz

.PHONY: all units bench demo check check-units check-asan build-asan \
	check-faults check-servers check-hosts check-machines check-abi check-package \
	coverage suites fuzz lint fmt fmt-check install uninstall dist \
	distcheck package clean
