# What a packager may want to change, here or on the command line.  CFLAGS,
# CPPFLAGS and LDFLAGS are taken from the environment or the command line and
# come behind the flags below; CC and AR are make's own.

VERSION = 0.1.0

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
INCDIR = $(PREFIX)/include
LIBDIR = $(PREFIX)/lib
LIBEXECDIR = $(PREFIX)/libexec
PCDIR = $(LIBDIR)/pkgconfig
MANDIR = $(PREFIX)/share/man
DATADIR = $(PREFIX)/share/certstore
BASHDIR = $(PREFIX)/share/bash-completion/completions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d
# A package of Debian uses share/zsh/vendor-completions.
ZSHDIR = $(PREFIX)/share/zsh/site-functions
# Units of systemd, which are not enabled, and what is to be copied.
UNITDIR = $(PREFIX)/lib/systemd/system
EXAMPLEDIR = $(PREFIX)/share/doc/certstore
INSTALL = install

# libbsd and libmd, for the commands.  Linked statically they cost a start of
# cert-match nothing; shared, "-lbsd -lmd", 0.15 of what /bin/true takes.
LIBBSD = -l:libbsd.a -l:libmd.a
LIBCRYPTO = -lcrypto
# For cert-verify.
LIBPSL = -lpsl
# For cert-probe.
LIBSSL = -lssl
# For the commands that speak to ACME servers, and the program that answers one.
LIBACME = -Wl,--as-needed -lcurl -ljansson -lresolv -Wl,--no-as-needed
LIBMICROHTTPD = -lmicrohttpd
# For libcertstore.so.
LIBS = -lcrypto -lbsd -lmd

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla \
	-Wconversion -Wsign-conversion
FORTIFY = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDEN = -fPIC -fstack-protector-strong
# How programs are linked: -static needs all libraries as archives.
PIE = -pie
RELRO = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
# Inodes have 64 bits everywhere.  time_t has to be that of libcrypto: where
# both can have 64 bits on a processor of 32, add -D_TIME_BITS=64 to CPPFLAGS.
DEFINES = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DOPENSSL_API_COMPAT=30000 -DOPENSSL_NO_DEPRECATED
