/*
 * generation.c: a link and the generations that it leads to, NAME -> .NAME@N.
 * Entries have them in certs/, the trust anchors in the store's own directory:
 * which link, in which directory, and what makes a generation whole is in
 * struct cs_link.  All of it gives -1 and errno unless it has an error.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

/* The number in ".NAME@12" if the name is that one, else 0. */
unsigned long
cs_generation_number(const char *text, const char *name)
{
	size_t len = strlen(name);
	unsigned long gen;
	char *end;

	if (text[0] != '.' || strncmp(text + 1, name, len) != 0 ||
	    text[len + 1] != '@' || !isdigit((unsigned char)text[len + 2]))
		return 0;
	errno = 0;
	gen = strtoul(text + len + 2, &end, 10);
	return errno == 0 && *end == '\0' ? gen : 0;
}

void
cs_generation_dir(char dir[CS_GENDIR], const char *name, unsigned long gen)
{
	char digits[CS_GENDIR - CS_NAME_MAX];
	size_t len = strlen(name), n = sizeof(digits);

	do
		digits[--n] = (char)('0' + gen % 10);
	while ((gen /= 10) != 0);
	if (len > CS_NAME_MAX + 1) /* "." and a name: setgen.c */
		len = CS_NAME_MAX + 1;
	dir[0] = '.';
	memcpy(dir + 1, name, len);
	dir[1 + len] = '@';
	memcpy(dir + len + 2, digits + n, sizeof(digits) - n);
	dir[len + 2 + sizeof(digits) - n] = '\0';
}

/* The entry's name in ".NAME@N": 1, or 0 if it is not of that form. */
int
cs_generation_owner(const char *dir, char name[CS_NAME_MAX + 1])
{
	const char *at;
	size_t len;

	if (dir[0] != '.' || (at = strrchr(dir, '@')) == NULL ||
	    (len = (size_t)(at - dir) - 1) > CS_NAME_MAX)
		return 0;
	memcpy(name, dir + 1, len);
	name[len] = '\0';
	return cs_name_isvalid(name) && cs_generation_number(dir, name) != 0;
}

/* Is a file in a generation?  1 also if that cannot be told. */
int
cs_generation_has(const struct cs_link *link, unsigned long gen,
    const char *file)
{
	char dir[CS_GENDIR], path[CS_GENDIR + 16];

	cs_generation_dir(dir, link->name, gen);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return faccessat(link->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT;
}

static int
takegen(void *arg, const char *file)
{
	struct cs_generations *gens = arg;

	if (file[0] != '.' || strchr(file, '@') == NULL)
		return 0;
	return cs_strings_add(&gens->dirs, file);
}

void
cs_generation_forget(struct cs_generations *gens)
{
	cs_strings_free(&gens->dirs);
	memset(gens, 0, sizeof(*gens));
}

/*
 * Reads the generations of all links in an open directory, sorted: one reading
 * serves all names.  The list is valid while the directory's stamp is
 * unchanged, and always under the lock.
 */
int
cs_generation_list(const struct certstore *store, int fd,
    struct cs_generations *gens)
{
	struct cs_stamp now;

	if (cs_stamp_fd(&now, fd) == -1)
		return -1;
	if (gens->known &&
	    (store->depth > 0 ||
		(gens->at.settled && cs_stamp_same(&gens->at, &now))))
		return 0;
	cs_generation_forget(gens);
	gens->at = now;
	if (cs_file_each(fd, ".", takegen, gens) == -1) {
		cs_generation_forget(gens);
		return -1;
	}
	cs_strings_sort(&gens->dirs);
	gens->known = 1;
	return 0;
}

/*
 * Calls fn for each generation of a link, in no order, until it returns other
 * than 0, and returns that; -1 also if they cannot be read.
 */
static int
eachgen(const struct cs_link *link,
    int (*fn)(const struct cs_link *, unsigned long, void *), void *arg)
{
	struct cs_generations own = { 0 }, *gens = link->gens;
	size_t high, i, len, low = 0;
	char dir[CS_GENDIR];
	unsigned long gen;
	int rv = 0;

	if (gens == NULL)
		gens = &own;
	if (cs_generation_list(link->store, link->dir, gens) == -1)
		return -1;
	high = gens->dirs.n;
	len = (size_t)snprintf(dir, sizeof(dir), ".%s@", link->name);
	while (low < high) {
		i = low + (high - low) / 2;
		if (strcmp(gens->dirs.v[i], dir) < 0)
			low = i + 1;
		else
			high = i;
	}
	for (i = low; rv == 0 && i < gens->dirs.n &&
	     strncmp(gens->dirs.v[i], dir, len) == 0;
	     i++) {
		gen = cs_generation_number(gens->dirs.v[i], link->name);
		if (gen != 0)
			rv = fn(link, gen, arg);
	}
	cs_generation_forget(&own);
	return rv;
}

struct highest {
	unsigned long below;
	unsigned long gen;
};

static int
takehighest(const struct cs_link *link, unsigned long gen, void *arg)
{
	struct highest *highest = arg;

	(void)link;
	if (gen > highest->gen && gen < highest->below)
		highest->gen = gen;
	return 0;
}

/* The highest generation below a number, whole or not; 0: there is none. */
static int
findhighest(const struct cs_link *link, unsigned long below, unsigned long *gen)
{
	struct highest highest = { below, 0 };

	if (eachgen(link, takehighest, &highest) == -1)
		return -1;
	*gen = highest.gen;
	return 0;
}

int
cs_generation_highest(const struct cs_link *link, unsigned long *gen)
{
	return findhighest(link, (unsigned long)-1, gen);
}

int
cs_generation_wholebelow(const struct cs_link *link, unsigned long below,
    unsigned long *gen)
{
	char dir[CS_GENDIR];
	int rv = 0;

	for (*gen = below; rv == 0;) {
		if (findhighest(link, *gen, gen) == -1)
			return -1;
		if (*gen == 0)
			return 0;
		cs_generation_dir(dir, link->name, *gen);
		rv = link->iswhole(link, dir);
	}
	return rv;
}

/*
 * The link was lost.  Only generations below this bound may be the one that it
 * led to: not the one that an intent says was being written, which need not be
 * whole.
 */
static int
findbound(const struct cs_link *link, unsigned long *below)
{
	static const char *const suffixes[] = { "", CS_TAKEN };
	char file[CS_NAME_MAX + 32];
	struct cs_intent in;
	size_t i;
	int rv = 0;

	*below = (unsigned long)-1;
	for (i = 0; i < 2 && rv == 0; i++) {
		snprintf(file, sizeof(file), "%s%s", link->intent, suffixes[i]);
		rv = cs_generation_intent(link, file, 0, &in);
	}
	if (rv == 1 && in.verb[0] == '\0')
		*below = in.gen;
	return rv == -1 ? -1 : 0;
}

int
cs_generation_find(const struct cs_link *link, unsigned long *gen)
{
	unsigned long below;

	if (findbound(link, &below) == -1)
		return -1;
	return cs_generation_wholebelow(link, below, gen);
}

int
cs_generation_current(const struct cs_link *link, char dir[CS_GENDIR],
    unsigned long *gen)
{
	*gen = 0;
	if (cs_file_readlink(link->dir, link->name, dir, CS_GENDIR) != -1) {
		*gen = cs_generation_number(dir, link->name);
		return *gen != 0 ? CS_LINK_GENERATION : CS_LINK_FOREIGN;
	}
	dir[0] = '\0';
	if (errno == EINVAL)
		return CS_LINK_DIRECTORY;
	return errno == ENOENT ? CS_LINK_NONE : -1;
}

/* Does the link lead to this generation? */
int
cs_generation_iscurrent(const struct cs_link *link, unsigned long gen)
{
	char dir[CS_GENDIR];
	unsigned long now;

	return cs_generation_current(link, dir, &now) == CS_LINK_GENERATION &&
	    now == gen;
}

int
cs_generation_intent(const struct cs_link *link, const char *file, int moved,
    struct cs_intent *in)
{
	const struct certstore *store = link->store;
	char path[CS_NAME_MAX + 48], *slash;
	int fd = store->pending, rv;

	snprintf(path, sizeof(path), "%s%s", fd == -1 ? ".pending/" : "", file);
	rv = (int)cs_file_readlink(fd == -1 ? store->fd : fd, path, in->text,
	    sizeof(in->text));
	if (rv == -1)
		return errno == ENOENT || errno == EINVAL ||
			errno == ENAMETOOLONG ?
		    0 :
		    -1;
	in->verb = moved ? "rm" : "";
	if ((slash = strchr(in->text, '/')) != NULL) {
		*slash = '\0';
		in->verb = slash + 1;
	}
	in->gen = cs_generation_number(in->text, link->name);
	return in->gen != 0;
}

int
cs_generation_free(const struct cs_link *link, unsigned long from,
    unsigned long *gen)
{
	char dir[CS_GENDIR];

	for (*gen = from; *gen != 0; ++*gen) {
		cs_generation_dir(dir, link->name, *gen);
		if (faccessat(link->dir, dir, F_OK, AT_SYMLINK_NOFOLLOW) == -1)
			return errno == ENOENT ? 0 : -1;
	}
	errno = EOVERFLOW;
	return -1;
}

/* No other intent of this name is there: the lock's holder has seen to that. */
int
cs_generation_begin(const struct cs_link *link, unsigned long gen,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, link->name, gen);
	if (cs_file_newlink(link->store->pending, dir, link->intent) == 0)
		return 0;
	return cs_fence_failintent(link->store, link->intent, err);
}

/*
 * Makes the link under another name, so that it is on disk before the switch.
 */
int
cs_generation_prepare(const struct cs_link *link, unsigned long gen)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, link->name, gen);
	return cs_file_aside(link->dir, dir, link->name);
}

int
cs_generation_lead(const struct cs_link *link, unsigned long gen)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, link->name, gen);
	return cs_file_link(link->dir, dir, link->name);
}

int
cs_generation_switch(const struct cs_link *link, unsigned long before,
    unsigned long gen)
{
	char dir[CS_GENDIR];
	int rv;

	if (before != 0) {
		rv = cs_generation_lead(link, gen);
	} else {
		/* not over that of another writer */
		cs_generation_dir(dir, link->name, gen);
		rv = cs_file_newlink(link->dir, dir, link->name);
	}
	/* another writer has removed the link that was made aside */
	if (rv == -1 && errno == ENOENT)
		errno = EEXIST;
	return rv;
}

/* Makes an intent to let the link lead to a generation, and syncs it. */
int
cs_generation_mend(const struct cs_link *link, unsigned long gen)
{
	char dir[CS_GENDIR], text[CS_GENDIR + 8];
	struct certstore *store = link->store;

	cs_generation_dir(dir, link->name, gen);
	snprintf(text, sizeof(text), "%s/mend", dir);
	if (cs_file_link(store->pending, text, link->intent) == -1)
		return -1;
	return cs_store_sync(store, store->pending);
}

int
cs_generation_settle(const struct cs_link *link, const struct cs_intent *in,
    unsigned long *live)
{
	char dir[CS_GENDIR], tmp[CS_GENDIR];
	int rv;

	snprintf(tmp, sizeof(tmp), ".%s@link", link->name);
	if (cs_file_remove(link->dir, tmp) == -1)
		return -1;
	rv = cs_generation_current(link, dir, live);
	if (rv == -1)
		return -1;
	if (rv == CS_LINK_DIRECTORY) /* cs_repair_store() mends that */
		return 0;
	if (*live == 0 && strcmp(in->verb, "mend") == 0) {
		if (cs_generation_lead(link, in->gen) == -1 ||
		    cs_store_sync(link->store, link->dir) == -1)
			return -1;
		*live = in->gen;
	}
	return 1;
}

int
cs_generation_remove(const struct cs_link *link, unsigned long gen)
{
	char dir[CS_GENDIR];

	if (!cs_fence_isheld(link->store)) {
		errno = ESTALE;
		return -1;
	}
	cs_generation_dir(dir, link->name, gen);
	return cs_file_rmtree(link->dir, dir);
}

struct others {
	unsigned long below, live, kept;
	const struct cs_info *info;
};

static int
removeother(const struct cs_link *link, unsigned long gen, void *arg)
{
	const struct others *others = arg;

	if (gen >= others->below || gen == others->live ||
	    gen == others->kept ||
	    (others->info != NULL && cs_held_keeps(others->info, gen)))
		return 0;
	return cs_generation_remove(link, gen);
}

int
cs_generation_sweep(const struct cs_link *link, unsigned long below,
    unsigned long live, unsigned long kept, const struct cs_info *info)
{
	struct others others = { below, live, kept, info };

	return eachgen(link, removeother, &others);
}
