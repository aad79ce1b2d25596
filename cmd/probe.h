/*
 * probe.h: what the files of cert-probe share.
 */
#ifndef PROBE_H
#define PROBE_H

#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#include "cmd.h"

#define PROBE_WHY	400

/*
 * probe-talk.c: what is said before TLS begins, where a protocol has STARTTLS.
 * It knows no socket: out has what must be sent, the caller empties it and gives
 * what was received.  Start: 0, or -1 for a protocol that it does not know.
 * Feed: 1 when TLS begins as soon as out is sent, 0 before, -1 and why.
 */
#define PROBE_TALK_IN	8192		/* of one answer, bytes */
#define PROBE_TALK_OUT	512
struct probe_step;
struct probe_talk {
	const struct probe_step	*step;
	const char		*name;		/* of the server, or "" */
	int			 found;		/* the word that it must offer */
	int			 inside;	/* a reply of several lines */
	char			 in[PROBE_TALK_IN];
	size_t			 inlen;
	char			 out[PROBE_TALK_OUT];
	size_t			 outlen;
	char			 why[PROBE_WHY];
};
int	probe_talk_start(struct probe_talk *, const char *, const char *);
int	probe_talk_feed(struct probe_talk *, const char *, size_t);

/*
 * probe-tls.c: a handshake on a connected socket that does not block, and the
 * certificates that the server sends; nothing is verified.  The only file that
 * uses libssl.  New: name is "" to ask for none; type is the key type that is
 * asked for, or NULL.  Step: 1 the chain is there, 0 and the events that poll(2)
 * must wait for, -1 and why.
 */
struct probe_tls {
	void		*ssl;
	char		*chain;		/* PEM, in the order of the server */
	size_t		 len;
	short		 events;
	int		 refused;	/* no certificate of that type */
	int		 isnone;	/* what came is not TLS */
	char		 why[PROBE_WHY];
};
int	probe_tls_start(struct probe_tls *, int, char *, const char *);
int	probe_tls_step(struct probe_tls *);
void	probe_tls_free(struct probe_tls *);

/*
 * probe-net.c: many questions side by side.  A question is one connection; a
 * target has one for each of its addresses and types.  A server that has no
 * certificate of a type is asked once more, for any; but not for a type that is
 * not needed, if it gave another answer: then the question is dropped.
 */
#define PROBE_NTYPE	4
struct probe_expected {		/* the entries that a target may serve */
	struct certstore_entry	**v;
	size_t			 n;
	size_t			 nowner;	/* the first: they name the target */
};
enum probe_state { PROBE_NEW, PROBE_OPEN, PROBE_DONE };
struct probe_question {
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	char			 address[64];
	const char		*type;		/* of the key, or NULL */
	const char		*lacks;		/* the type that it asked for first */
	int			 needed, dropped;
	int			 unreachable;	/* from this host */
	enum probe_state	 state;
	char			*chain;		/* the answer, PEM, or NULL */
	size_t			 chainlen;
	char			 why[PROBE_WHY];	/* there is none */
};
struct probe_target {
	struct certstore_endpoint e;
	const char		*type[PROBE_NTYPE];	/* NULL: any */
	int			 needed[PROBE_NTYPE];
	size_t			 ntype;		/* at least 1 */
	struct probe_expected	 expected;
	/* set by probe_run() */
	struct probe_question	*question;
	size_t			 nquestion;
	enum probe_state	 state;
	char			 why[PROBE_WHY];	/* there is no question */
};
/* Asks all, each for so many seconds, and calls done for each in their order. */
void	probe_run(struct probe_target **, size_t, unsigned int,
	    void (*)(struct probe_target *));

/*
 * probe-judge.c: what the store has for a target, and what an answer is.  Find:
 * 0, or -1 and a message.
 */
struct probe_judge {
	struct certstore	*store;
	struct certstore_match	*match;
	struct certstore_verify	*verify;
	int			 unjudged;	/* there are no trust anchors */
	/* the last answer */
	const char		*state;		/* "same", ... */
	const char		*name;		/* of the entry, or NULL */
	const struct certstore_entry *leaf;	/* of the server */
	int			 verdict;	/* of the chain: 1, 0, -1 unknown */
	int			 different;	/* it is not what it should be */
	struct cmd_text		 text;
	struct certstore_certs	*certs;
};
void	probe_expected_add(struct probe_expected *, struct certstore_entry *);
void	probe_judge_open(struct probe_judge *, struct certstore *,
	    const char *);		/* the argument of -T, or NULL */
int	probe_judge_find(struct probe_judge *, struct probe_target *);
int	probe_judge_answer(struct probe_judge *, const struct probe_target *,
	    const struct probe_question *);	/* 0, or -1 and a message */
void	probe_judge_close(struct probe_judge *);

#endif
