/*
 * mend.c: one entry repaired: its link, its generations, its links in index/
 * and combined/, the modes of its files.
 *
 * Only directories and files are touched that have our names, our owner and no
 * other link, and nothing is reached through a symbolic link.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define REMOVED "\"reason\":\"" CS_LOG_REMOVE "\""

static int
haspath(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

struct looking {
	int fd;
	uid_t owner;
	int hardlinks; /* as tar -h makes of what links led to */
};

/*
 * Is a file other than those that a writer makes, and that mendnumber() leaves
 * if it is interrupted?  1, 0, -1.
 */
static int
isalien(void *arg, const char *file)
{
	const struct looking *in = arg;
	struct stat st;
	size_t i;

	for (i = 0; i < CS_NFILE; i++)
		if (strcmp(file, cs_file_names[i]) == 0)
			break;
	if (i == CS_NFILE && strcmp(file, ".info@new") != 0)
		return 1;
	if (fstatat(in->fd, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	return !S_ISREG(st.st_mode) || (st.st_nlink != 1 && !in->hardlinks) ||
	    st.st_uid != in->owner;
}

/* Is a directory in certs/ one that a writer made, with nothing else in it?
 * 1, 0, -1. */
static int
isourdir(const struct certstore *store, const char *dir)
{
	struct looking in = { -1, geteuid(), !store->linked };
	struct stat st;
	int rv;

	if ((in.fd = cs_file_opendir(store->certs, dir)) == -1)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
			errno == EACCES ?
		    0 :
		    -1;
	rv = fstat(in.fd, &st);
	if (rv == 0 && st.st_uid != in.owner)
		rv = 1;
	if (rv == 0)
		rv = cs_file_each(in.fd, ".", isalien, &in);
	close(in.fd);
	return rv == -1 ? -1 : !rv;
}

/* Has directory b all files that a has, with the same contents?  1, 0, -1. */
static int
samefiles(struct certstore *store, const char *a, const char *b)
{
	struct cs_buf one = { 0 }, two = { 0 };
	char path[CS_GENDIR + 16];
	int i, rv = 1;

	for (i = 0; i < CS_NFILE && rv == 1; i++) {
		snprintf(path, sizeof(path), "%s/%s", a, cs_file_names[i]);
		if (cs_file_read(store->certs, path, CS_RECORD_MAX, &one) ==
		    -1) {
			rv = errno == ENOENT ? 1 : -1;
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", b, cs_file_names[i]);
		if (cs_file_read(store->certs, path, CS_RECORD_MAX, &two) == -1)
			rv = errno == ENOENT ? 0 : -1;
		else
			rv = one.len == two.len &&
			    memcmp(one.p, two.p, one.len) == 0;
	}
	cs_buf_free(&one);
	cs_buf_free(&two);
	return rv;
}

/*
 * Lets the link lead to a generation again, and logs that.  In a copy, whose
 * links are all made again as they were, no line is due, and no intent.
 */
static int
leadagain(const struct cs_link *link, unsigned long gen,
    const char *fingerprint)
{
	const struct cs_logline change = { .name = link->name,
		.gen = gen,
		.reason = CS_LOG_REPAIR,
		.new = fingerprint };
	struct certstore *store = link->store;

	if (cs_generation_lead(link, gen) == -1)
		return -1;
	if (!store->linked)
		return 0;
	if (cs_store_sync(store, store->certs) == -1)
		return -1;
	cs_log_add(store, &change);
	return 0;
}

/*
 * Makes a real directory a generation again: the one whose number info has, or
 * the next free one.  If that one is there and has the same files, the
 * directory is moved to .pending/ and removed, by the next writer if not by
 * this one.
 */
static int
turnback(const struct cs_link *link, const struct cs_info *info)
{
	char dir[CS_GENDIR], from[CS_GENDIR + 8], to[CS_GENDIR + 16];
	struct certstore *store = link->store;
	unsigned long gen;
	int surplus = 0;

	for (gen = info->gen + (info->gen == 0);; gen++) {
		cs_generation_dir(dir, link->name, gen);
		if (!haspath(store->certs, dir))
			break;
		if ((surplus = samefiles(store, link->name, dir)) == 1)
			break;
	}
	snprintf(from, sizeof(from), "certs/%s", link->name);
	snprintf(to, sizeof(to), "%s/%s", surplus == 1 ? ".pending" : "certs",
	    dir);
	if ((store->linked && cs_generation_mend(link, gen) == -1) ||
	    cs_file_rename(store->fd, from, to) == -1 ||
	    leadagain(link, gen, info->fingerprint) == -1)
		return -1;
	if (surplus == 1 && cs_file_rmtree(store->pending, dir) == -1)
		return -1;
	return cs_file_remove(store->pending, link->name);
}

/* What the log tells of a certificate. */
struct fate {
	const char *fingerprint;
	int removed;
};

static int
readfate(void *arg, const char *line, size_t len)
{
	struct fate *f = arg;

	if (memmem(line, len, f->fingerprint, strlen(f->fingerprint)) != NULL)
		f->removed = memmem(line, len, REMOVED, strlen(REMOVED)) !=
		    NULL;
	return 0;
}

/* Is the last that the log tells of a certificate that it was removed? */
static int
isremoved(const struct certstore *store, const char *fingerprint)
{
	struct fate f = { .fingerprint = fingerprint };

	(void)cs_log_each(store, readfate, &f);
	return f.removed;
}

/* Why a certificate must not come back with a generation: NULL if it may. */
static const char *
whybarred(struct certstore *store, const struct cs_info *info)
{
	struct certstore_error err;
	struct cs_buf text = { 0 };
	char line[CS_HASH_LEN + 8];
	const char *why = NULL;

	if (info->fingerprint == NULL || info->name == NULL)
		return NULL;
	if (info->revoked != NULL)
		return "was revoked";
	if (isremoved(store, info->fingerprint))
		return "was removed";
	snprintf(line, sizeof(line), "sha256:%.64s", info->fingerprint);
	if (cs_file_follow(store->fd, "trust/distrusted", CS_RECORD_MAX,
		&text) == 0 &&
	    text.p != NULL && strstr(text.p, line) != NULL)
		why = "is distrusted";
	cs_buf_reset(&text);
	if (why == NULL &&
	    cs_orderstate_read(store, info->name, &text, &err) == 1 &&
	    cs_orderstate_time(&text, "cert-revoked") != 0 &&
	    cs_orderstate_is(&text, "cert-fingerprint", info->fingerprint))
		why = "was revoked";
	cs_buf_free(&text);
	return why;
}

static int
mendcopied(struct cs_repair *r, const struct cs_link *link,
    struct certstore_error *err)
{
	struct certstore *store = r->store;
	struct cs_info info = { 0 };
	const char *why;
	int rv;

	if ((rv = isourdir(store, link->name)) == -1)
		goto fail;
	if (rv == 0) {
		cs_told_add(r, link->name, "link", 1,
		    "its link was replaced by a directory with other files: "
		    "move them away");
		return 0;
	}
	(void)cs_info_load(store, link->name, link->name, &info, err);
	if (!r->copied && (why = whybarred(store, &info)) != NULL) {
		cs_told_add(r, link->name, "link", 1,
		    "its link was replaced by a directory, and its certificate "
		    "%s: use cert-import to take it all the same",
		    why);
		rv = 0;
		goto out;
	}
	if (cs_told_acts(r) && turnback(link, &info) == -1)
		goto fail;
	cs_told_add(r, link->name, "link", 0,
	    "its link was replaced by a directory");
	rv = r->acts;
out:
	cs_info_free(&info);
	return rv;
fail:
	cs_info_free(&info);
	return cs_fail_errno(err, "%s: the link cannot be made", link->name);
}

/* The whole generations of an entry without a link. */
struct orphans {
	struct cs_info info[64];
	size_t n;
};

/* Does one name the other as one that it replaced? */
static int
isreplacedby(const struct cs_info *old, const struct cs_info *info)
{
	return old->gen != info->gen &&
	    (info->before == old->gen || cs_held_keeps(info, old->gen));
}

/* Newest by their certificates, then by number. */
static int
isnewergen(const struct cs_info *a, const struct cs_info *b)
{
	if (a->starts != b->starts)
		return a->starts > b->starts;
	return a->gen > b->gen;
}

/* The one that no other replaced, or NULL. */
static const struct cs_info *
newestof(const struct orphans *in)
{
	const struct cs_info *best = NULL, *info;
	size_t i, k;

	for (i = 0; i < in->n; i++) {
		info = &in->info[i];
		for (k = 0; k < in->n; k++)
			if (isreplacedby(info, &in->info[k]))
				break;
		if (k == in->n && (best == NULL || isnewergen(info, best)))
			best = info;
	}
	return best;
}

/* Loads the whole generations of an entry; found: how many there are at all. */
static int
loadorphans(struct cs_repair *r, const char *name, struct orphans *in,
    size_t *found)
{
	struct certstore *store = r->store;
	struct certstore_error err;
	unsigned long gen;
	size_t i;

	*found = 0;
	if (cs_generation_list(store, store->certs, &store->gens) == -1)
		return -1;
	for (i = 0; i < store->gens.dirs.n; i++) {
		gen = cs_generation_number(store->gens.dirs.v[i], name);
		if (gen == 0 || isourdir(store, store->gens.dirs.v[i]) != 1)
			continue;
		++*found;
		if (in->n == sizeof(in->info) / sizeof(in->info[0]) ||
		    cs_info_load(store, store->gens.dirs.v[i], name,
			&in->info[in->n], &err) == -1)
			continue;
		in->info[in->n++].gen = gen;
	}
	return 0;
}

/* Moves the keys of all generations of an entry without link to lost/. */
static int
loseorphan(struct cs_repair *r, const char *name, struct certstore_error *err)
{
	struct certstore *store = r->store;
	struct cs_strings dirs = { 0 };
	size_t i;
	int rv = 0;

	for (i = 0; i < store->gens.dirs.n && rv == 0; i++)
		if (cs_generation_number(store->gens.dirs.v[i], name) != 0 &&
		    isourdir(store, store->gens.dirs.v[i]) == 1)
			rv = cs_strings_add(&dirs, store->gens.dirs.v[i]);
	for (i = 0; i < dirs.n && rv == 0; i++)
		rv = cs_lost_move(r, name, dirs.v[i], err);
	cs_strings_free(&dirs);
	return rv;
}

static int
mendorphan(struct cs_repair *r, const struct cs_link *link,
    struct certstore_error *err)
{
	struct orphans in = { .n = 0 };
	const struct cs_info *info;
	const char *name = link->name, *why = NULL;
	size_t found, i;
	int rv = -1;

	if (loadorphans(r, name, &in, &found) == -1)
		goto fail;
	info = newestof(&in);
	if (info != NULL && !r->copied)
		why = whybarred(r->store, info);
	rv = 0;
	if (found == 0)
		goto out;
	if (info != NULL && why == NULL &&
	    (r->copied || cs_told_isnamed(r, name))) {
		if (cs_told_acts(r) &&
		    ((r->store->linked &&
			 cs_generation_mend(link, info->gen) == -1) ||
			leadagain(link, info->gen, info->fingerprint) == -1 ||
			cs_file_remove(r->store->pending, name) == -1))
			goto fail;
		cs_told_add(r, name, "link", 0,
		    "its link was missing, and leads to generation %lu again",
		    info->gen);
		rv = r->acts;
	} else if (r->force) {
		rv = loseorphan(r, name, err);
	} else if (!cs_told_isnamed(r, name)) {
		rv = 0; /* the audit reports it */
	} else if (info == NULL) {
		cs_told_add(r, name, "orphan", 1,
		    "generations without a link, none of them complete: use "
		    "cert-check -rf%s %s to move their keys to lost",
		    r->store->option, name);
	} else if (why != NULL) {
		cs_told_add(r, name, "orphan", 1,
		    "generations without a link, whose certificate %s: use "
		    "cert-check -rf%s %s to move their keys to lost",
		    why, r->store->option, name);
	}
	goto out;
fail:
	rv = cs_fail_errno(err, "%s: the link cannot be made", name);
out:
	for (i = 0; i < sizeof(in.info) / sizeof(in.info[0]); i++)
		cs_info_free(&in.info[i]);
	return rv;
}

/* Makes the link in index/next for what an ACME order says. */
static int
linkmoment(struct certstore *store, const char *name)
{
	struct certstore_error err;
	struct cs_buf text = { 0 };
	int64_t moment = 0;

	if (cs_orderstate_isused(store) &&
	    cs_orderstate_read(store, name, &text, &err) == 1)
		moment = cs_orderstate_moment(&text);
	cs_buf_free(&text);
	return moment == 0 ? 0 : cs_index_addmoment(store, name, moment);
}

static int
mendindex(struct cs_repair *r, const struct cs_info *info,
    struct certstore_error *err)
{
	struct certstore *store = r->store;
	char lacks[CS_INDEX_PATH];
	size_t n;
	int rv = 1;

	if (store->index != -1)
		rv = cs_linkcheck_index(store, info,
		    cs_orderstate_isused(store), lacks, &n);
	if (rv == 0)
		return 0;
	if (rv == -1 ||
	    (cs_told_acts(r) &&
		(cs_index_add(store, info) == -1 ||
		    linkmoment(store, info->name) == -1)))
		return cs_fail_errno(err, "%s: links in index", info->name);
	cs_told_add(r, info->name, "index", 0,
	    "links to it in index were missing");
	return 0;
}

/* Has a copy made a file of the link in combined/?  1, 0, -1 and errno. */
static int
iscombinedcopy(struct certstore *store, const char *name)
{
	char path[CS_NAME_MAX + 32], live[CS_NAME_MAX + 16];
	struct cs_buf one = { 0 }, two = { 0 };
	struct stat st;
	int rv = 0;

	snprintf(path, sizeof(path), "combined/%s.pem", name);
	snprintf(live, sizeof(live), "%s/combined.pem", name);
	if (fstatat(store->fd, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	if (S_ISREG(st.st_mode) && (st.st_nlink == 1 || !store->linked) &&
	    st.st_uid == geteuid() &&
	    cs_file_read(store->fd, path, CS_RECORD_MAX, &one) == 0 &&
	    cs_file_read(store->certs, live, CS_RECORD_MAX, &two) == 0)
		rv = one.len == two.len && memcmp(one.p, two.p, one.len) == 0;
	cs_buf_free(&one);
	cs_buf_free(&two);
	return rv;
}

/* info: of the entry, or NULL if it cannot be used. */
static int
mendcombined(struct cs_repair *r, const char *name, const struct cs_info *info,
    struct certstore_error *err)
{
	struct certstore *store = r->store;
	int serves = info != NULL && info->serves && info->haskey &&
	    !info->weak;
	char file[CS_NAME_MAX + 16];
	int rv;

	rv = cs_combined_has(store, name);
	if (rv == serves)
		return 0;
	if (rv == -1 && errno != EEXIST)
		goto fail;
	if (rv == -1) {
		if ((rv = iscombinedcopy(store, name)) != 1)
			return rv == -1 ?
			    cs_fail_errno(err, "%s: combined", name) :
			    0;
		snprintf(file, sizeof(file), "%s.pem", name);
		if (cs_told_acts(r) &&
		    cs_file_remove(store->combined, file) == -1)
			goto fail;
		if (!serves)
			store->uncombined |= r->acts;
	}
	if (cs_told_acts(r) && cs_combined_update(store, name, info) == -1)
		goto fail;
	cs_told_add(r, name, "combined", 0,
	    serves	     ? "its link in combined was missing" :
		info == NULL ? "combined had it, though it is damaged" :
			       "combined had it, though it does not serve TLS");
	return 0;
fail:
	return cs_fail_errno(err, "%s: its link in combined", name);
}

/* The mode of a file that a group (-1: none) may read. */
static int
mendmode(struct cs_repair *r, const char *name, const char *dir,
    enum cs_file file, gid_t gid, struct certstore_error *err)
{
	mode_t want = cs_mode_of(file, gid), now;
	char path[CS_GENDIR + 16];
	int rv;

	if (file == CS_PROPS)
		want = 0; /* they are people's: only what others can write */
	snprintf(path, sizeof(path), "%s/%s", dir, cs_file_names[file]);
	rv = cs_file_setmode(r->store->certs, path, want, gid,
	    cs_told_acting(r), &now);
	if (rv == -1)
		return cs_fail_errno(err, "%s: %s", name, cs_file_names[file]);
	if (rv == 1) {
		(void)cs_told_acts(r);
		cs_told_add(r, name, "mode", 0,
		    "%s had mode %04o, an access control list or another group",
		    cs_file_names[file], (unsigned int)now);
	}
	return 0;
}

/* The mode of the directory of the files; it may pass its group on. */
static int
menddirectory(struct cs_repair *r, const char *name, const char *dir,
    struct certstore_error *err)
{
	struct stat st;
	mode_t now;

	if (fstatat(r->store->certs, dir, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return cs_fail_errno(err, "%s: %s", name, dir);
	if (!S_ISDIR(st.st_mode) || (st.st_mode & 0777) == 0755)
		return 0;
	if (cs_told_acts(r) &&
	    cs_file_setmode(r->store->certs, dir,
		S_IFDIR | (st.st_mode & 07000) | 0755, (gid_t)-1, 1,
		&now) == -1)
		return cs_fail_errno(err, "%s: %s", name, dir);
	cs_told_add(r, name, "mode", 0, "certs/%s had mode %04o", dir,
	    (unsigned int)(st.st_mode & 07777));
	return 0;
}

static int
mendmodes(struct cs_repair *r, const struct cs_link *link, const char *live,
    const struct cs_info *info, struct certstore_error *err)
{
	struct certstore_error ignored;
	char dir[CS_GENDIR];
	gid_t gid;
	int i;

	if (menddirectory(r, info->name, live, err) == -1)
		return -1;

	/* a group that is not known here is for cert-check to report */
	if (cs_mode_group(info->name, info->group, &gid, &ignored) == -1)
		return 0;
	for (i = 0; i < CS_NFILE; i++)
		if (mendmode(r, info->name, live, (enum cs_file)i, gid, err) ==
		    -1)
			return -1;
	if (info->kept == 0 || info->kept == info->gen)
		return 0;
	cs_generation_dir(dir, link->name, info->kept);
	for (i = 0; i < CS_NFILE; i++)
		if (cs_mode_isopen(r->store, dir, (enum cs_file)i, gid) &&
		    mendmode(r, info->name, dir, (enum cs_file)i, (gid_t)-1,
			err) == -1)
			return -1;
	return 0;
}

/* Removes the generations that the live one does not keep. */
static int
mendgenerations(struct cs_repair *r, const struct cs_link *link,
    const struct cs_info *info, struct certstore_error *err)
{
	struct certstore *store = r->store;
	struct cs_strings dirs = { 0 };
	unsigned long gen;
	size_t i;
	int rv;

	rv = cs_generation_list(store, store->certs, &store->gens);
	for (i = 0; i < store->gens.dirs.n && rv == 0; i++) {
		gen = cs_generation_number(store->gens.dirs.v[i], link->name);
		if (gen != 0 && gen != info->gen && !cs_held_keeps(info, gen) &&
		    isourdir(store, store->gens.dirs.v[i]) == 1)
			rv = cs_strings_add(&dirs, store->gens.dirs.v[i]);
	}
	if (rv == -1)
		cs_fail_errno(err, "%s/certs", store->path);
	for (i = 0; i < dirs.n && rv == 0; i++)
		rv = cs_lost_move(r, link->name, dirs.v[i], err);
	cs_strings_free(&dirs);
	return rv;
}

/* What a writer that was killed leaves beside the link. */
static int
mendaside(struct cs_repair *r, const char *name, struct certstore_error *err)
{
	char tmp[CS_GENDIR], text[CS_GENDIR];

	snprintf(tmp, sizeof(tmp), ".%s@link", name);
	if (cs_file_readlink(r->store->certs, tmp, text, sizeof(text)) == -1)
		return 0;
	if (cs_told_acts(r) && cs_file_remove(r->store->certs, tmp) == -1)
		return cs_fail_errno(err, "%s: certs/%s", name, tmp);
	cs_told_add(r, name, "leftover", 0,
	    "a link of an interrupted writer was left");
	return 0;
}

/* Writes the number of a generation into its info: 0, or -1 and errno. */
static int
writenumber(struct certstore *store, const char *dir, unsigned long gen)
{
	struct cs_buf b = { 0 }, old = { 0 };
	char digits[CS_GENDIR];
	const char *number, *rest;
	size_t len;
	int fd, rv = -1;

	if ((fd = cs_file_opendir(store->certs, dir)) == -1)
		return -1;
	if (cs_file_read(fd, "info", CS_RECORD_MAX, &old) == -1)
		goto out;
	snprintf(digits, sizeof(digits), "%lu", gen);
	if ((number = cs_info_find(&old, "generation", &len)) == NULL) {
		errno = EINVAL;
		goto out;
	}
	rest = number + len;
	if (cs_buf_add(&b, old.p, (size_t)(number - old.p)) == -1 ||
	    cs_buf_adds(&b, digits) == -1 ||
	    cs_buf_add(&b, rest, (size_t)(old.p + old.len - rest)) == -1) {
		errno = ENOMEM;
		goto out;
	}
	rv = cs_file_replace(fd, "info", &b, cs_mode_of(CS_INFO, (gid_t)-1));
out:
	cs_buf_free(&b);
	cs_buf_free(&old);
	cs_file_close(&fd);
	return rv;
}

/*
 * An entry whose info has the number of another generation than the one that
 * its link leads to, as after turnback(): the files are believed if they are
 * those of that info.  Loads the entry again.
 */
static int
mendnumber(struct cs_repair *r, unsigned long gen,
    struct certstore_entry *entry, struct certstore_error *err)
{
	struct certstore_error ignored;
	struct cs_info info = { 0 };
	char dir[CS_GENDIR], name[CS_NAME_MAX + 1];
	int rv = 0;

	snprintf(name, sizeof(name), "%s", entry->info.name);
	cs_generation_dir(dir, name, gen);
	if (isourdir(r->store, dir) == 1 &&
	    cs_info_load(r->store, dir, name, &info, &ignored) == 0) {
		if (cs_told_acts(r) && writenumber(r->store, dir, gen) == -1)
			rv = cs_fail_errno(err, "%s: info", name);
		else
			cs_told_add(r, name, "files", 0,
			    "its info was of generation %lu, not %lu", info.gen,
			    gen);
		if (rv == 0 && cs_told_acting(r))
			rv = cs_entry_load(r->store, name, entry, err);
	}
	cs_info_free(&info);
	return rv;
}

/* An entry whose link leads to generation live. */
static int
mendlinked(struct cs_repair *r, const struct cs_link *link, unsigned long live,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	const struct cs_info *info = &entry.info;
	int known, rv = -1;

	known = cs_entry_load(r->store, link->name, &entry, err) == 0;
	if (known && info->gen != 0 && info->gen != live &&
	    mendnumber(r, live, &entry, err) == -1)
		goto out;
	if (!known &&
	    (err->code != CERTSTORE_EDAMAGED || info->name == NULL ||
		strcmp(info->name, link->name) != 0)) {
		/* damaged: it is not found, and its links stay */
		rv = err->code == CERTSTORE_EDAMAGED ||
			err->code == CERTSTORE_ENOENTRY ?
		    0 :
		    -1;
		goto out;
	}
	if (isourdir(r->store, entry.gendir) != 1 && known) {
		if (mendindex(r, info, err) == -1)
			goto out;
		rv = 0;
		goto out;
	}
	if (mendindex(r, info, err) == -1 ||
	    mendcombined(r, link->name, known ? info : NULL, err) == -1 ||
	    mendmodes(r, link, entry.gendir, info, err) == -1 ||
	    mendaside(r, link->name, err) == -1)
		goto out;
	/* which ones info of another number keeps is unknown */
	if (known && info->gen == live &&
	    mendgenerations(r, link, info, err) == -1)
		goto out;
	rv = 0;
out:
	if (rv == 0)
		cs_error_clear(err);
	cs_entry_done(&entry);
	return rv;
}

/* Repairs an entry, or tells what there is to repair.  0, or -1. */
int
cs_mend_entry(struct cs_repair *r, const char *name,
    struct certstore_error *err)
{
	struct cs_link link = cs_resolve_link(r->store, name);
	char text[CS_GENDIR];
	unsigned long gen;
	int rv;

	rv = cs_generation_current(&link, text, &gen);
	if (rv == -1)
		return cs_fail_errno(err, "%s", name);
	if (rv == CS_LINK_FOREIGN ||
	    (rv == CS_LINK_DIRECTORY && cs_resolve_isstray(r->store, name)))
		return 0;
	if (rv == CS_LINK_DIRECTORY)
		rv = mendcopied(r, &link, err);
	else if (rv == CS_LINK_NONE)
		rv = mendorphan(r, &link, err);
	else
		return mendlinked(r, &link, gen, err);
	if (rv != 1)
		return rv;
	(void)cs_generation_current(&link, text, &gen);
	return mendlinked(r, &link, gen, err);
}
