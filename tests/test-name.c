/*
 * test-name.c: entry names, host names, addresses and subject alternative
 * names; when libidn2 is loaded, and the message when it is missing.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define TEN "abcdefghij"
#define LABEL63 TEN TEN TEN TEN TEN TEN "abc"
#define HOST191 LABEL63 "." LABEL63 "." LABEL63
#define HOST253 HOST191 "." TEN TEN TEN TEN TEN TEN "a"
#define FIFTY TEN TEN TEN TEN TEN
#define NAME200 FIFTY FIFTY FIFTY FIFTY

/* Stands before libc's: counts the loads of libidn2, or lets them fail. */
static int loads;
static int missing;

void *dlopen(const char *, int);

void *
dlopen(const char *path, int flags)
{
	void *(*real)(const char *, int);
	void *p;

	if (path != NULL && strstr(path, "libidn2") != NULL) {
		loads++;
		if (missing)
			return NULL;
	}
	if ((p = dlsym(RTLD_NEXT, "dlopen")) == NULL)
		return NULL; /* in a static program */
	memcpy(&real, &p, sizeof(real));
	return real(path, flags);
}

static const char *const names[] = { "a", "0", "_", "phones", "phones-CA",
	"xivo-ctid", "www.example.com", "_.example.com", "a..b", "a-", "a_",
	"A.B-C_9", NAME200 };

static const struct {
	const char *text;
	const char *say;
} badnames[] = {
	{ "", "\"\": is empty" },
	{ ".", "starts with a letter" },
	{ "..", "starts with a letter" },
	{ ".hidden", "starts with a letter" },
	{ "-x", "starts with a letter" },
	{ "/etc", "starts with a letter" },
	{ "*.example.com", "starts with a letter" },
	{ "\303\274", "\"\303\274\": an entry name starts with a letter" },
	{ "a/b", "only letters, digits" },
	{ "a@3", "only letters, digits" },
	{ "a b", "only letters, digits" },
	{ "a\nb", "\"a\\nb\": an entry name has only letters, digits" },
	{ "a\377b", "\"a\\377b\": an entry name has only" },
	{ "a.", "does not end with a dot" },
	{ "a..", "does not end with a dot" },
	{ NAME200 "a", "longer than the 200 bytes" },
};

#define WILD 1
#define STRICT 2

static const struct {
	const char *text;
	int how;
	const char *out;
} hosts[] = {
	{ "localhost", 0, "localhost" },
	{ "EXAMPLE.com", 0, "example.com" },
	{ "example.com.", 0, "example.com" },
	{ "example.com", STRICT, "example.com" },
	{ "_sip._tls.example.com", 0, "_sip._tls.example.com" },
	{ "a-b.c--d.e", STRICT, "a-b.c--d.e" },
	{ "r3---sn-x.example", STRICT, "r3---sn-x.example" },
	{ "3com.com", STRICT, "3com.com" },
	{ "1.2.3.example", 0, "1.2.3.example" },
	{ "1.2.3.4a", 0, "1.2.3.4a" },
	{ "a.0xg", 0, "a.0xg" },
	{ "a.x", 0, "a.x" },
	{ "*.example.com", WILD, "*.example.com" },
	{ "*.Example.COM.", WILD | STRICT, "*.example.com" },
	{ "*.internal", WILD, "*.internal" },
	{ "XN--mnchen-3ya.de", 0, "xn--mnchen-3ya.de" },
	{ LABEL63, 0, LABEL63 },
	{ HOST253, 0, HOST253 },
	{ HOST253 ".", 0, HOST253 },
};

/* The same, but not without libidn2. */
static const struct {
	const char *text;
	int how;
	const char *out;
} idnhosts[] = {
	{ "m\303\274nchen.de", 0, "xn--mnchen-3ya.de" },
	{ "M\303\234NCHEN.de", 0, "xn--mnchen-3ya.de" },
	{ "mu\314\210nchen.de", 0, "xn--mnchen-3ya.de" },
	{ "m\303\274nchen.de.", STRICT, "xn--mnchen-3ya.de" },
	{ "*.m\303\274nchen.de", WILD | STRICT, "*.xn--mnchen-3ya.de" },
	{ "m\303\274nchen\343\200\202de", 0, "xn--mnchen-3ya.de" },
	{ "stra\303\237e.de", 0, "xn--strae-oqa.de" },
	{ "xn--mnchen-3ya.\303\274.de", 0, "xn--mnchen-3ya.xn--tda.de" },
	{ "\357\275\205xample.com", 0, "example.com" },
};

static const struct {
	const char *text;
	int how;
	const char *say;
} badhosts[] = {
	{ "", 0, "\"\": is empty" },
	{ ".", 0, "starts with a dot" },
	{ "..", 0, "starts with a dot" },
	{ ".example.com", 0, "starts with a dot" },
	{ "a..b", 0, "\"a..b\": has an empty label" },
	{ "example.com..", 0, "empty label" },
	{ "-a.example", 0, "starts or ends with a hyphen" },
	{ "a-.example", 0, "starts or ends with a hyphen" },
	{ "a.-", 0, "starts or ends with a hyphen" },
	{ "xn--", 0, "starts or ends with a hyphen" },
	{ "a b", 0,
	    "\"a b\": has a character that is not allowed in a host name" },
	{ "a/b", 0, "is not allowed in a host name" },
	{ "../certs/victim", 0, "starts with a dot" },
	{ "a\nb.example", 0, "\"a\\nb.example\": has a character" },
	{ "a\001b", 0, "\"a\\001b\": has a character" },
	{ "http://example.com", 0, "is not allowed in a host name" },
	{ "example.com:443", 0, "is not allowed in a host name" },
	{ "a@b", 0, "is not allowed in a host name" },
	{ "a_b.example", STRICT, "has an underscore" },
	{ "*", WILD, "whole first label" },
	{ "*.", WILD, "whole first label" },
	{ "*..", WILD, "empty label" },
	{ "*..a", WILD, "empty label" },
	{ "*.*.example.com", WILD, "whole first label" },
	{ "f*.example.com", WILD, "whole first label" },
	{ "*f.example.com", WILD, "whole first label" },
	{ "**.example.com", WILD, "whole first label" },
	{ "a.*.example.com", WILD, "whole first label" },
	{ "*.example.com", 0, "a wildcard is not one host" },
	{ "f*.example.com", 0, "whole first label" },
	{ "127.0.0.1", 0, "ends in a number" },
	{ "256.0.0.1", 0, "ends in a number" },
	{ "1.2.3", 0, "ends in a number" },
	{ "7", 0, "ends in a number" },
	{ "example.7", 0, "ends in a number" },
	{ "example.7.", 0, "ends in a number" },
	{ "0x7f000001", 0, "ends in a number" },
	{ "a.0X7f", 0, "ends in a number" },
	{ "a.0x", 0, "ends in a number" },
	{ "*.0.0.1", WILD, "ends in a number" },
	{ "::1", 0, "is not allowed in a host name" },
	{ LABEL63 "d.example", 0, "longer than 63 bytes" },
	{ HOST253 "b", 0, "longer than the 253 bytes" },
	{ HOST253 "b.", 0, "longer than the 253 bytes" },
	{ "*." HOST253, WILD, "longer than the 253 bytes" },
};

static const struct {
	const char *text;
	int how;
	const char *say;
} badidnhosts[] = {
	{ "m\374nchen.de", 0, "\"m\\374nchen.de\": is not UTF-8" },
	{ "\303\274." HOST191 "." FIFTY "12345", 0,
	    "longer than 253 bytes as A-labels" },
	{ "\355\240\200.de", 0, "is not UTF-8" },
	{ "m\303\274nchen..de", 0, "empty label" },
	{ ".m\303\274nchen.de", 0, "starts with a dot" },
	{ "\302\255.de", 0, "starts with a dot" },
	{ "a b.m\303\274nchen.de", 0, "is not allowed in a host name" },
	{ "a_b.m\303\274nchen.de", STRICT, "has an underscore" },
	{ "*.m\303\274nchen.de", 0, "a wildcard is not one host" },
	{ "\357\274\212.example", 0, "a wildcard is not one host" },
	{ "-\303\274.de", 0, "starts or ends with a hyphen" },
	{ "\342\230\203.net", 0, "in an internationalised host name" },
	{ "\342\200\256a.de", 0, "\"\\342\\200\\256a.de\": has a character" },
	{ "\342\204\200.de", 0, "is not allowed in a host name" },
	{ "\357\274\221.\357\274\222", 0, "ends in a number" },
	{ "xn--zz.\303\274.de", 0, "in an internationalised host name" },
	{ "\303\274." HOST253, 0, "longer than 253 bytes as A-labels" },
	{ "\303\274" HOST253 HOST253 HOST253 HOST253 HOST253, 0,
	    "longer than 253 bytes as A-labels" },
	{ "\303\274" LABEL63 ".de", 0, "longer than 63 bytes" },
};

static const struct {
	const char *text;
	const char *out;
} certhosts[] = {
	{ "a.Example", "a.example" },
	{ "*.EXAMPLE.com", "*.example.com" },
	{ "*.internal", "*.internal" },
	{ "a_b.example", "a_b.example" },
	{ "xn--mnchen-3ya.de", "xn--mnchen-3ya.de" },
	{ "localhost", "localhost" },
	{ "", NULL },
	{ "*", NULL },
	{ "f*.example.com", NULL },
	{ "*.*.example.com", NULL },
	{ "example.com.", NULL },
	{ ".example.com", NULL },
	{ "a..b", NULL },
	{ "a b", NULL },
	{ "a\\000b.example", NULL },
	{ "../certs/victim", NULL },
	{ "127.0.0.1", NULL },
	{ "::1", NULL },
	{ "m\303\274nchen.de", NULL },
	{ "Some Company, Inc", NULL },
	{ HOST253 "b", NULL },
};

static const struct {
	const char *text;
	const char *out;
	size_t len;
} ips[] = {
	{ "127.0.0.1", "127.0.0.1", 4 },
	{ "0.0.0.0", "0.0.0.0", 4 },
	{ "255.255.255.255", "255.255.255.255", 4 },
	{ "::1", "::1", 16 },
	{ "[::1]", "::1", 16 },
	{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1", 16 },
	{ "2001:0db8::0001", "2001:db8::1", 16 },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", 16 },
	{ "[2001:0db8:0000:0000:0000:ffff:192.000.002.001]", NULL, 0 },
	{ "1111:2222:3333:4444:5555:6666:255.255.255.255",
	    "1111:2222:3333:4444:5555:6666:ffff:ffff", 16 },
	{ "[1111:2222:3333:4444:5555:6666:255.255.255.255]",
	    "1111:2222:3333:4444:5555:6666:ffff:ffff", 16 },
	{ "", NULL, 0 },
	{ "1.2.3", NULL, 0 },
	{ "1.2.3.4.5", NULL, 0 },
	{ "1.2.3.256", NULL, 0 },
	{ "01.2.3.4", NULL, 0 },
	{ "1.2.3.4 ", NULL, 0 },
	{ " 1.2.3.4", NULL, 0 },
	{ "0x7f.0.0.1", NULL, 0 },
	{ "2130706433", NULL, 0 },
	{ "[127.0.0.1]", NULL, 0 },
	{ "[::1", NULL, 0 },
	{ "::1]", NULL, 0 },
	{ "[]", NULL, 0 },
	{ "[", NULL, 0 },
	{ "[::1]x", NULL, 0 },
	{ "[[::1]]", NULL, 0 },
	{ "fe80::1%eth0", NULL, 0 },
	{ "[fe80::1%1]", NULL, 0 },
	{ "1::2::3", NULL, 0 },
	{ ":::", NULL, 0 },
	{ "12345::", NULL, 0 },
	{ "example.com", NULL, 0 },
	{ "[" HOST253 "]", NULL, 0 },
};

static const struct {
	const char *text;
	enum cs_san_type type;
	const char *out;
} sans[] = {
	{ "www.Example.com", CS_SAN_DNS, "www.example.com" },
	{ "localhost", CS_SAN_DNS, "localhost" },
	{ "*.example.com", CS_SAN_DNS, "*.example.com" },
	{ "dns:example.com.", CS_SAN_DNS, "example.com" },
	{ "DNS:example.com", CS_SAN_DNS, "example.com" },
	{ "192.0.2.1", CS_SAN_IP, "192.0.2.1" },
	{ "ip:192.0.2.1", CS_SAN_IP, "192.0.2.1" },
	{ "IP:2001:DB8::1", CS_SAN_IP, "2001:db8::1" },
	{ "2001:db8:0::1", CS_SAN_IP, "2001:db8::1" },
	{ "fe80::1", CS_SAN_IP, "fe80::1" },
	{ "[::1]", CS_SAN_IP, "::1" },
	{ "user@Example.com", CS_SAN_EMAIL, "user@example.com" },
	{ "User.Name+tag@example.com", CS_SAN_EMAIL,
	    "User.Name+tag@example.com" },
	{ "root@localhost", CS_SAN_EMAIL, "root@localhost" },
	{ "email:a@b", CS_SAN_EMAIL, "a@b" },
	{ "*@example.com", CS_SAN_EMAIL, "*@example.com" },
	{ "sip:pbx@example.com", CS_SAN_URI, "sip:pbx@example.com" },
	{ "SIPS:PBX@Example.com:5061", CS_SAN_URI,
	    "sips:PBX@Example.com:5061" },
	{ "uri:https://example.com:8443/x?y=%20#z", CS_SAN_URI,
	    "https://example.com:8443/x?y=%20#z" },
	{ "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", CS_SAN_URI,
	    "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6" },
	{ "spiffe://example/a", CS_SAN_URI, "spiffe://example/a" },
	{ "mailto:a@b.example", CS_SAN_URI, "mailto:a@b.example" },
	{ "tel:110", CS_SAN_URI, "tel:110" },
	{ "sip:5061", CS_SAN_URI, "sip:5061" },
	{ "uri:pbx:5061", CS_SAN_URI, "pbx:5061" },
	{ "uri:dns:example.com", CS_SAN_URI, "dns:example.com" },
	{ "uri:x.y:1", CS_SAN_URI, "x.y:1" },
};

static const struct {
	const char *text;
	enum cs_san_type type;
	const char *out;
} idnsans[] = {
	{ "m\303\274nchen.de", CS_SAN_DNS, "xn--mnchen-3ya.de" },
	{ "dns:*.M\303\234NCHEN.de", CS_SAN_DNS, "*.xn--mnchen-3ya.de" },
	{ "Hans@m\303\274nchen.de", CS_SAN_EMAIL, "Hans@xn--mnchen-3ya.de" },
};

static const struct {
	const char *text;
	const char *say;
} badsans[] = {
	{ "", "\"\": is empty" },
	{ "dns:", "\"dns:\": is empty" },
	{ "ip:", "not an IP address" },
	{ "email:", "has no @" },
	{ "uri:", "has no scheme" },
	{ "dns:127.0.0.1",
	    "\"dns:127.0.0.1\": an IP address is not a DNS name" },
	{ "dns:::1", "an IP address is not a DNS name" },
	{ "dns:[::1]", "an IP address is not a DNS name" },
	{ "dns:a_b.example", "has an underscore" },
	{ "a_b.example", "has an underscore" },
	{ "*", "whole first label" },
	{ "f*.example.com", "whole first label" },
	{ "a b", "is not allowed in a host name" },
	{ "a,b.example", "is not allowed in a host name" },
	{ "other:x y", "not allowed in a URI" },
	{ "host.example:443", "\"host.example:443\": has a port" },
	{ "localhost:8443", "has a port" },
	{ "pbx:5061", "\"pbx:5061\": has a port" },
	{ "dns:pbx:5061", "has a port" },
	{ "my_host:5061", "has a port" },
	{ "*.example.com:443", "has a port" },
	{ "pbx:5061/", "has a port" },
	{ "example.com:8443/path", "has a port" },
	{ "example.com:https", "has a port" },
	{ "user@pbx:22", "has a port" },
	{ "https://www.example.com", "is a URL: use only its host name" },
	{ "HTTP://www.example.com/", "is a URL" },
	{ "https:www.example.com", "is a URL" },
	{ "wss://example.com:1/x", "is a URL" },
	{ "dns:https://www.example.com", "is a URL" },
	{ "www.example.com/path", "has a slash" },
	{ " www.example.com", "with a blank" },
	{ "www.example.com ", "with a blank" },
	{ "www.example.com\n", "with a blank" },
	{ "ip:192.0.2.1 ", "with a blank" },
	{ "*.", "whole first label" },
	{ "*.*.example.com", "whole first label" },
	{ "example.7", "ends in a number" },
	{ LABEL63 "d.example", "longer than 63 bytes" },
	{ "192.0.2.1/32", "a network is not one address" },
	{ "2001:db8::1/64", "a network is not one address" },
	{ "192.0.2.1:443", "has a port" },
	{ "[::1]:443", "has a port" },
	{ "dns:host.example:443", "has a port" },
	{ "ip:192.0.2.1:443", "has a port" },
	{ "ip:[::1]:443", "has a port" },
	{ "ip:localhost", "not an IP address" },
	{ "ip:192.0.2.256", "not an IP address" },
	{ "192.0.2.256", "not an IP address" },
	{ "1.2.3", "not an IP address" },
	{ "1234", "ends in a number" },
	{ "10.0.0.0/8", "a network is not one address" },
	{ "fd00::/8", "a network is not one address" },
	{ "fe80::1%eth0", "has a zone" },
	{ "[fe80::1%eth0]", "has a zone" },
	{ "ip:fe80::1%eth0", "has a zone" },
	{ "cafe:dead:beef", "not an IP address" },
	{ "@example.com", "nothing before the @" },
	{ "a@", "\"a@\": is empty" },
	{ "a@.b", "starts with a dot" },
	{ "a@b@c", "not allowed in an address" },
	{ "a b@c.example", "not allowed in an address" },
	{ "A <a@c.example>", "not allowed in an address" },
	{ "\"a\"@c.example", "not allowed in an address" },
	{ "a\n@c.example", "\"a\\n@c.example\": has a character" },
	{ "\303\274@c.example", "is not ASCII before the @" },
	{ "a@127.0.0.1", "ends in a number" },
	{ "a@[127.0.0.1]", "is not allowed in a host name" },
	{ "a@*.example", "a wildcard is not one host" },
	{ "a@b_c.example", "has an underscore" },
	{ "email:example.com", "has no @" },
	{ LABEL63 "de@c.example", "more than 64 bytes" },
	{ "uri:example.com", "has no scheme" },
	{ "uri:/path", "has no scheme" },
	{ "uri:1x:y", "has no scheme" },
	{ "sip:", "nothing after its scheme" },
	{ "sip:a b", "not allowed in a URI" },
	{ "sip:a\tb",
	    "\"sip:a\\tb\": has a character that is not allowed in a URI" },
	{ "sip:m\303\274nchen.de", "not allowed in a URI" },
	{ "C:\\certs\\x", "not allowed in a URI" },
};

/* The host that is meant by what is none; "" if there is none in it. */
static const struct {
	enum cs_san_type type;
	const char *text;
	const char *host;
} hostsof[] = {
	{ CS_SAN_EMAIL, "root@example.com", "example.com" },
	{ CS_SAN_EMAIL, "root", "" },
	{ CS_SAN_URI, "sip:example.com", "example.com" },
	{ CS_SAN_URI, "sips:u@Example.com:5061;transport=tcp", "example.com" },
	{ CS_SAN_URI, "https://u:p@a.example:8443/x", "a.example" },
	{ CS_SAN_URI, "https://[2001:DB8::1]:8443/", "2001:db8::1" },
	{ CS_SAN_URI, "https://192.0.2.1/", "192.0.2.1" },
	{ CS_SAN_URI, "spiffe://a.example/b", "a.example" },
	{ CS_SAN_URI, "urn:x", "" },
	{ CS_SAN_URI, "tel:110", "" },
	{ CS_SAN_URI, "https:///x", "" },
	{ CS_SAN_URI, "https://a b/", "" },
	{ CS_SAN_URI, "sip:" HOST253 "b", "" },
};

/* Names of certificates that nothing matches; NULL: something may. */
static const struct {
	enum cs_san_type type;
	const char *text;
	const char *say;
} certflaws[] = {
	{ CS_SAN_DNS, "a.example", NULL },
	{ CS_SAN_DNS, "A_b.Example", NULL },
	{ CS_SAN_DNS, "*.example.com", NULL },
	{ CS_SAN_DNS, "xn--mnchen-3ya.de", NULL },
	{ CS_SAN_DNS, "192.0.2.1", "is an IP address" },
	{ CS_SAN_DNS, "::1", "is an IP address" },
	{ CS_SAN_DNS, "a.example.", "ends with a dot" },
	{ CS_SAN_DNS, "", "is empty" },
	{ CS_SAN_DNS, "m\303\274nchen.de", "is not ASCII" },
	{ CS_SAN_DNS, "f*.example.com", "a wildcard" },
	{ CS_SAN_DNS, "*", "a wildcard" },
	{ CS_SAN_DNS, "*.*.example.com", "a wildcard" },
	{ CS_SAN_DNS, "a b", "has a character" },
	{ CS_SAN_DNS, "a\\000.b", "has a character" },
	{ CS_SAN_DNS, "a..b", "an empty label" },
	{ CS_SAN_DNS, ".a", "starts with a dot" },
	{ CS_SAN_DNS, "a.7", "ends in a number" },
	{ CS_SAN_DNS, LABEL63 "d.a", "63 bytes" },
	{ CS_SAN_DNS, HOST253 "b", "253 bytes" },
	{ CS_SAN_EMAIL, "whatever", NULL },
};

static void
test_flaws(void)
{
	char out[CS_HOST_MAX + 1];
	const char *flaw;
	size_t i;

	for (i = 0; i < COUNT(hostsof); i++) {
		is_int(cs_name_hostof(hostsof[i].type, hostsof[i].text, out),
		    hostsof[i].host[0] != '\0', "host of %s", hostsof[i].text);
		is_str(out, hostsof[i].host, "host of %s", hostsof[i].text);
	}
	for (i = 0; i < COUNT(certflaws); i++) {
		flaw = cs_name_certflaw(certflaws[i].type, certflaws[i].text);
		ok(certflaws[i].say == NULL ?
			flaw == NULL :
			flaw != NULL && strstr(flaw, certflaws[i].say) != NULL,
		    "flaw %zu: %s", i, flaw == NULL ? "none" : flaw);
	}
}

static void
test_names(void)
{
	struct certstore_error err;
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		ok(cs_name_check(names[i], &err) == 0 &&
			cs_name_isvalid(names[i]),
		    "entry name %s", names[i]);
	for (i = 0; i < COUNT(badnames); i++) {
		memset(&err, 0, sizeof(err));
		ok(!cs_name_isvalid(badnames[i].text), "bad entry name %zu", i);
		is_int(cs_name_check(badnames[i].text, &err), -1,
		    "bad entry name %zu refused", i);
		is_int(err.code, CERTSTORE_EARGUMENT,
		    "bad entry name %zu: "
		    "code",
		    i);
		ok(strstr(err.msg, badnames[i].say) != NULL,
		    "bad entry name %zu: %s", i, err.msg);
	}
}

static void
host(const char *text, int how, const char *want)
{
	struct certstore_error err = { 0 };
	char out[CS_HOST_MAX + 1] = "unset";

	is_int(cs_name_host(text, (how & WILD) != 0, (how & STRICT) != 0, out,
		   &err),
	    0, "host %s", text);
	is_str(out, want, "host %s: %s", text, err.msg);
}

static void
badhost(size_t i, const char *text, int how, const char *say)
{
	struct certstore_error err = { 0 };
	char out[CS_HOST_MAX + 1] = "unset";

	is_int(cs_name_host(text, (how & WILD) != 0, (how & STRICT) != 0, out,
		   &err),
	    -1, "bad host %zu refused", i);
	is_int(err.code, CERTSTORE_EARGUMENT, "bad host %zu: code", i);
	ok(strstr(err.msg, say) != NULL, "bad host %zu: %s", i, err.msg);
	is_str(out, "", "bad host %zu: nothing given out", i);
}

static void
test_hosts(void)
{
	size_t i;

	for (i = 0; i < COUNT(hosts); i++)
		host(hosts[i].text, hosts[i].how, hosts[i].out);
	for (i = 0; i < COUNT(badhosts); i++)
		badhost(i, badhosts[i].text, badhosts[i].how, badhosts[i].say);
}

static void
test_idnhosts(void)
{
	size_t i;

	for (i = 0; i < COUNT(idnhosts); i++)
		host(idnhosts[i].text, idnhosts[i].how, idnhosts[i].out);
	for (i = 0; i < COUNT(badidnhosts); i++)
		badhost(i + 100, badidnhosts[i].text, badidnhosts[i].how,
		    badidnhosts[i].say);
}

/* RFC 9525 section 6.3: the host is covered by the first, not the second. */
static void
test_covers(void)
{
	static const struct {
		const char *host, *by, *not ;
	} covers[] = {
		{ "a.example", "a.example", "b.a.example" },
		{ "a.example", "A.Example", "a.example." },
		{ "a.b.example", "*.b.example", "*.example" },
		{ "a.b.example", "*.B.Example", "*.a.b.example" },
		{ "b.example", "b.example", "*.b.example" },
		{ "*.b.example", "*.b.example", "a.b.example" },
		{ "*.b.example", "*.B.example", "*.example" },
		{ "example", "example", "*" },
		{ "a.b.example", "*.b.example", "a*.b.example" },
		{ "a.b.example", "*.b.example", "a.*.example" },
	};
	size_t i;

	for (i = 0; i < COUNT(covers); i++) {
		is_int(cs_name_covers(covers[i].by, covers[i].host), 1,
		    "%s covers %s", covers[i].by, covers[i].host);
		is_int(cs_name_covers(covers[i].not, covers[i].host), 0,
		    "%s does not cover %s", covers[i].not, covers[i].host);
	}
}

/*
 * The name in a certificate and the host that is asked for: RFC 9525 section
 * 6.3, RFC 6125 section 6.4.3, and the cases that Go's crypto/x509 and curl's
 * unit 1397 try.  Where those differ from RFC 9525, a part of a label as a
 * wildcard and a last dot in the certificate, the RFC decides.
 */
static void
test_published(void)
{
	enum answer { NO, YES, REFUSED };
	static const struct {
		const char *name, *host;
		enum answer answer;
	} published[] = {
		/* RFC 9525 */
		{ "*.example.com", "foo.example.com", YES },
		{ "*.example.com", "bar.foo.example.com", NO },
		{ "*.example.com", "example.com", NO },
		{ "b*z.example.net", "buzz.example.net", NO },
		{ "baz*.example.net", "baz1.example.net", NO },
		{ "*baz.example.net", "foobaz.example.net", NO },
		{ "foo.*.example.com", "foo.bar.example.com", NO },
		{ "*.*.example.com", "foo.bar.example.com", NO },
		{ "bar.*.example.net", "bar.foo.example.net", NO },
		{ "xn--kcry6tjko.example.org", "XN--KCRY6TJKO.example.org",
		    YES },
		{ "www.example.com", "wWw.eXaMpLe.CoM", YES },
		{ "xn--a*.example.com", "xn--ab.example.com", NO },
		/* Go */
		{ "a.b.c", "a.b.c", YES },
		{ "a.b.c", "b.b.c", NO },
		{ "", "b.b.c", NO },
		{ "a.b.c", "", REFUSED },
		{ "example.com", "example.com", YES },
		{ "example.com", "www.example.com", NO },
		{ "*.example.com", "www.example.com.", YES },
		{ "*.example.com", "xyz.www.example.com", NO },
		{ "*.example.com", "https://www.example.com", REFUSED },
		{ "*.example..com", "www.example..com", REFUSED },
		{ "*.www.*.com", "xyz.www.example.com", NO },
		{ "*bar.example.com", "foobar.example.com", NO },
		{ "f*.example.com", "foobar.example.com", NO },
		{ "www.example.com", "*.example.com", REFUSED },
		{ ".", ".", REFUSED },
		{ ".", "", REFUSED },
		{ "example.com", "example.com.", YES },
		{ "*.com", "example.com", YES },
		{ "*.com", "example.com.", YES },
		{ "foo:bar", "foo:bar", REFUSED },
		{ "-", "-", REFUSED },
		{ "12345", "12345", REFUSED },
		{ "example.com", "example_com", NO },
		/* curl */
		{ "www.example.com", "www.example.com", YES },
		{ "xxx*.example.com", "xxxwww.example.com", NO },
		{ "xxx.example.com", "www.example.com", NO },
		{ "*", "www.example.com", NO },
		{ "*.*.com", "www.example.com", NO },
		{ "f*.example.com", "baa.example.com", NO },
		{ "*fail.com", "example.com", NO },
		{ "*", "www", NO },
		{ "", "www", NO },
		{ "*.168.0.0", "192.168.0.0", REFUSED },
		{ "www.example.com", "192.168.0.0", REFUSED },
	};
	char out[CS_HOST_MAX + 1];
	enum answer answer;
	size_t i;

	for (i = 0; i < COUNT(published); i++) {
		if (cs_name_hostflaw(published[i].host, 0, 0, out) != NULL)
			answer = REFUSED;
		else
			answer = cs_name_covers(published[i].name, out) ? YES :
									  NO;
		is_int((int)answer, (int)published[i].answer,
		    "\"%s\" in a certificate for \"%s\"", published[i].name,
		    published[i].host);
	}
}

static void
test_certhosts(void)
{
	char out[CS_HOST_MAX + 1];
	const char *want;
	size_t i;

	for (i = 0; i < COUNT(certhosts); i++) {
		want = certhosts[i].out;
		is_int(cs_name_certhost(certhosts[i].text, out), want != NULL,
		    "name %zu in a certificate", i);
		is_str(out, want == NULL ? "" : want,
		    "name %zu in a certificate, as given out", i);
	}
}

static void
test_ips(void)
{
	unsigned char raw[16], want[16];
	char out[INET6_ADDRSTRLEN];
	size_t i, len;

	for (i = 0; i < COUNT(ips); i++) {
		len = 0;
		is_int(cs_name_ip(ips[i].text, out, raw, &len),
		    ips[i].out != NULL, "address %s", ips[i].text);
		is_str(out, ips[i].out == NULL ? "" : ips[i].out,
		    "address %s: text", ips[i].text);
		is_int((long long)len, (long long)ips[i].len,
		    "address %s: length", ips[i].text);
		if (len == 0)
			continue;
		ok(inet_pton(len == 4 ? AF_INET : AF_INET6, ips[i].out, want) ==
			    1 &&
			memcmp(raw, want, len) == 0,
		    "address %s: bytes", ips[i].text);
	}
	ok(cs_name_ip("::1", out, NULL, NULL), "bytes need not be asked for");
}

static void
san(const char *text, enum cs_san_type type, const char *want)
{
	struct certstore_error err = { 0 };
	enum cs_san_type got = CS_SAN_OTHER;
	char *out = NULL;

	is_int(cs_name_san(text, &got, &out, &err), 0, "san %s", text);
	is_str(cs_san_names[got], cs_san_names[type], "san %s: type", text);
	is_str(out, want, "san %s: %s", text, err.msg);
	free(out);
}

static void
test_sans(void)
{
	struct certstore_error err;
	enum cs_san_type type;
	char *out;
	size_t i;

	for (i = 0; i < COUNT(sans); i++)
		san(sans[i].text, sans[i].type, sans[i].out);
	for (i = 0; i < COUNT(badsans); i++) {
		memset(&err, 0, sizeof(err));
		out = NULL;
		is_int(cs_name_san(badsans[i].text, &type, &out, &err), -1,
		    "bad san %zu refused", i);
		is_int(err.code, CERTSTORE_EARGUMENT, "bad san %zu: code", i);
		ok(strstr(err.msg, badsans[i].say) != NULL, "bad san %zu: %s",
		    i, err.msg);
		ok(out == NULL, "bad san %zu: nothing given out", i);
	}
}

/* The longest of each kind, and one byte more. */
static void
test_longsans(void)
{
	struct certstore_error err;
	enum cs_san_type type;
	char *out, text[4096];

	san("dns:" HOST253, CS_SAN_DNS, HOST253);
	san(LABEL63 "a@" HOST253, CS_SAN_EMAIL, LABEL63 "a@" HOST253);
	memset(text, 'x', sizeof(text));
	memcpy(text, "sip:", 4);
	text[2048] = '\0';
	san(text, CS_SAN_URI, text);
	text[2048] = 'x';
	text[2049] = '\0';
	is_int(cs_name_san(text, &type, &out, &err), -1, "a longer URI");
	ok(strstr(err.msg, "longer than the 2048 bytes") != NULL, "%s",
	    err.msg);
	text[sizeof(text) - 1] = '\0';
	is_int(cs_name_san(text + 4, &type, &out, &err), -1, "a longer host");
	ok(strstr(err.msg, "longer than the 253 bytes") != NULL, "%s", err.msg);
	ok(strstr(err.msg, "xxx...\": ") != NULL, "it is cut in the message");
}

static void
test_loopback(void)
{
	static const char *const yes[] = { "localhost", "a.localhost",
		"*.localhost", "127.0.0.1", "127.255.0.9", "::1" };
	static const char *const no[] = { "", "localhost.example",
		"notlocalhost", "localhos", "128.0.0.1", "0.0.0.0", "::2",
		"::", "::ffff:127.0.0.1", "example.com" };
	size_t i;

	for (i = 0; i < COUNT(yes); i++)
		ok(cs_name_isloopback(yes[i]), "%s is loopback", yes[i]);
	for (i = 0; i < COUNT(no); i++)
		ok(!cs_name_isloopback(no[i]), "\"%s\" is not", no[i]);
}

/* In a child, since it is looked for only once. */
static void
test_missing(void)
{
	struct certstore_error err;
	char out[CS_HOST_MAX + 1];
	int status;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == -1)
		bail("no fork");
	if (pid == 0) {
		missing = 1;
		if (cs_name_host("m\303\274nchen.de", 0, 0, out, &err) != -1 ||
		    err.code != CERTSTORE_EARGUMENT ||
		    strcmp(err.msg,
			"\"m\303\274nchen.de\": is not ASCII and "
			"libidn2 is missing: install libidn2-0, or use the "
			"A-label (xn--...)") != 0)
			exit(1);
		if (cs_name_host("xn--mnchen-3ya.de", 0, 0, out, &err) != 0)
			exit(2);
		exit(0);
	}
	if (waitpid(pid, &status, 0) == -1)
		bail("no waitpid");
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "without libidn2: a remedy, and A-labels work (status %d)", status);
}

static void *
ask(void *arg)
{
	struct certstore_error err;
	char out[CS_HOST_MAX + 1];
	int i;

	for (i = 0; i < 100; i++) {
		if (cs_name_host("m\303\274nchen.de", 0, 0, out, &err) == -1 ||
		    strcmp(out, "xn--mnchen-3ya.de") != 0)
			return arg;
	}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[8];
	void *bad, *any = NULL;
	size_t i;

	for (i = 0; i < COUNT(threads); i++) {
		if (pthread_create(&threads[i], NULL, ask, &loads) != 0)
			bail("no thread");
	}
	for (i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], &bad);
		if (bad != NULL)
			any = bad;
	}
	ok(any == NULL, "eight threads at once");
	is_int(loads, 1, "libidn2 was loaded once");
}

int
main(void)
{
	size_t i;

	test_flaws();
	test_names();
	test_hosts();
	test_certhosts();
	test_covers();
	test_published();
	test_ips();
	test_sans();
	test_longsans();
	test_loopback();
	is_int(loads, 0, "ASCII never loads libidn2");
	test_missing();
	if (skipidn("\303\274"))
		return tap_done();
	loads = 0;
	test_threads();
	test_idnhosts();
	for (i = 0; i < COUNT(idnsans); i++)
		san(idnsans[i].text, idnsans[i].type, idnsans[i].out);
	return tap_done();
}
