/*
 * handshakes.c: clients that make one TLS handshake after the other, until
 * stdin ends, so that a server is busy while its certificate is replaced.
 *
 *	handshakes [-j clients] [-m protocol] [-p milliseconds]
 *	    CAFILE HOST:PORT NAME[/TYPE] ...
 *
 * NAME is the host name that is asked for, and that the certificate must cover;
 * TYPE, ec or rsa, the type of its key.  The protocol is for STARTTLS, as for
 * cert-probe; each client rests for so long before the next handshake.  Each
 * line of stdin is a number: after so many further handshakes it is answered
 * with the counts since the start:
 *
 *	GOOD FAILED MISMATCHED REFUSED
 *
 * Mismatched is what is signed by another key than that of its certificate, has
 * a certificate for another name, or one that CAFILE does not verify; refused, a
 * connection that is closed before the server sends a byte; failed, all else.
 * The first failures are explained on stderr.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "probe.h"

#define CLIENTS_MAX 64
#define SECONDS 60 /* none of them means much: it hangs */
#define EXPLAINED 20

static const char results[] = "gfmr";
enum { GOOD, FAILED, MISMATCHED, REFUSED, NRESULT };

static const char *protocol;
static int rest;
static struct addrinfo *place;
static char explanation[512];

static int
failure(int result, const char *why)
{
	(void)snprintf(explanation, sizeof(explanation), "%s", why);
	return result;
}

/* What OpenSSL says about the handshake. */
static int
tlsfailure(SSL *ssl)
{
	unsigned long e = ERR_peek_error();
	long verified = SSL_get_verify_result(ssl);

	if (verified != X509_V_OK)
		return failure(MISMATCHED,
		    X509_verify_cert_error_string(verified));
	if (BIO_number_read(SSL_get_rbio(ssl)) == 0)
		return failure(REFUSED, "closed at once");
	if (e == 0)
		return failure(FAILED, "closed during the handshake");
	(void)ERR_error_string_n(e, explanation, sizeof(explanation));
	return ERR_GET_LIB(e) == ERR_LIB_SSL &&
		ERR_GET_REASON(e) == SSL_R_BAD_SIGNATURE ?
	    MISMATCHED :
	    FAILED;
}

/* The dialogue before TLS: GOOD, or how it failed. */
static int
talk(int fd, const char *name)
{
	struct probe_talk t;
	char buf[1024];
	ssize_t n;
	int last = 0, received = 0;

	if (probe_talk_start(&t, protocol, name) == -1)
		errx(2, "%s: not a protocol", protocol);
	for (;;) {
		/* so little that it is sent at once */
		if (send(fd, t.out, t.outlen, MSG_NOSIGNAL) !=
		    (ssize_t)t.outlen)
			break;
		t.outlen = 0;
		if (last)
			return GOOD;
		if ((n = recv(fd, buf, sizeof(buf), 0)) <= 0)
			break;
		received = 1;
		if ((last = probe_talk_feed(&t, buf, (size_t)n)) == -1)
			return failure(FAILED, t.why);
	}
	return failure(received ? FAILED : REFUSED, "closed before TLS");
}

static int
handshake(SSL_CTX *ctx, char *name, const char *type)
{
	static char ec[] = "ECDSA+SHA256";
	static char rsa[] = "RSA-PSS+SHA256:RSA+SHA256";
	struct timeval limit = { .tv_sec = SECONDS };
	SSL *ssl = NULL;
	int fd, result = FAILED;

	ERR_clear_error();
	if ((fd = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) ==
	    -1)
		err(2, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, place->ai_addr, place->ai_addrlen) == -1) {
		result = failure(errno == ECONNREFUSED ? REFUSED : FAILED,
		    strerror(errno));
		goto out;
	}
	if (protocol != NULL && (result = talk(fd, name)) != GOOD)
		goto out;
	if ((ssl = SSL_new(ctx)) == NULL || SSL_set_fd(ssl, fd) != 1 ||
	    SSL_set_tlsext_host_name(ssl, name) != 1 ||
	    SSL_set1_host(ssl, name) != 1 ||
	    (type != NULL &&
		SSL_set1_sigalgs_list(ssl,
		    strcmp(type, "ec") == 0 ? ec : rsa) != 1))
		errx(2, "no TLS here");
	errno = 0;
	if (SSL_connect(ssl) != 1) {
		result = tlsfailure(ssl);
		goto out;
	}
	(void)SSL_shutdown(ssl);
	result = GOOD;
out:
	SSL_free(ssl);
	close(fd);
	return result;
}

/* One client: writes a byte for each handshake, until nobody reads it. */
static void
client(SSL_CTX *ctx, int out, char *const *target, int ntarget, int first)
{
	char name[256], *type;
	int i, result, explained = 0;

	for (i = first % ntarget;; i = (i + 1) % ntarget) {
		(void)snprintf(name, sizeof(name), "%s", target[i]);
		if ((type = strchr(name, '/')) != NULL)
			*type++ = '\0';
		result = handshake(ctx, name, type);
		if (result != GOOD && explained++ < EXPLAINED)
			warnx("%s: %s", target[i], explanation);
		/* a server that restarts needs the processor, too */
		if (rest > 0 || result == REFUSED)
			(void)poll(NULL, 0, rest > 0 ? rest : 5);
		if (write(out, &results[result], 1) != 1)
			_exit(0);
	}
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct pollfd pfd[2];
	SSL_CTX *ctx;
	char buf[4096], *port, line[32];
	long count[NRESULT] = { 0 }, total = 0, until = -1;
	pid_t pid[CLIENTS_MAX];
	size_t len = 0;
	ssize_t n, k;
	int c, i, fds[2], clients = 4;

	while ((c = getopt(argc, argv, "j:m:p:")) != -1)
		if (c == 'j')
			clients = atoi(optarg);
		else if (c == 'm')
			protocol = optarg;
		else if (c == 'p')
			rest = atoi(optarg);
		else
			return 2;
	argc -= optind;
	argv += optind;
	if (argc < 3 || clients < 1 || clients > CLIENTS_MAX ||
	    (port = strrchr(argv[1], ':')) == NULL)
		errx(2,
		    "usage: handshakes [-j clients] [-m protocol] cafile "
		    "host:port name[/type] ...");
	*port++ = '\0';
	if ((i = getaddrinfo(argv[1], port, &hints, &place)) != 0)
		errx(2, "%s: %s", argv[1], gai_strerror(i));
	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_load_verify_locations(ctx, argv[0], NULL) != 1)
		errx(2, "%s: no certificates", argv[0]);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

	if (pipe(fds) == -1)
		err(2, "pipe");
	for (i = 0; i < clients; i++)
		if ((pid[i] = fork()) == -1)
			err(2, "fork");
		else if (pid[i] == 0) {
			close(fds[0]);
			client(ctx, fds[1], argv + 2, argc - 2, i);
		}
	close(fds[1]);
	pfd[0].fd = fds[0];
	pfd[1].fd = STDIN_FILENO;
	pfd[0].events = pfd[1].events = POLLIN;
	for (;;) {
		/* the next line is read when the one before was answered */
		pfd[1].fd = until == -1 ? STDIN_FILENO : -1;
		if (poll(pfd, 2, -1) == -1)
			err(2, "poll");
		if (pfd[0].revents != 0) {
			if ((n = read(fds[0], buf, sizeof(buf))) <= 0)
				errx(2, "the clients ended");
			for (k = 0; k < n; k++)
				count[strchr(results, buf[k]) - results]++;
			total += n;
		}
		if (until == -1 && pfd[1].revents != 0) {
			if (read(STDIN_FILENO, &line[len], 1) != 1)
				break;
			if (len < sizeof(line) - 1 && line[len] != '\n') {
				len++;
				continue;
			}
			line[len] = '\0';
			len = 0;
			until = total + atol(line);
		}
		if (until != -1 && total >= until) {
			printf("%ld %ld %ld %ld\n", count[GOOD], count[FAILED],
			    count[MISMATCHED], count[REFUSED]);
			fflush(stdout);
			until = -1;
		}
	}
	for (i = 0; i < clients; i++)
		(void)kill(pid[i], SIGKILL);
	while (wait(NULL) != -1)
		continue;
	SSL_CTX_free(ctx);
	freeaddrinfo(place);
	return 0;
}
