# table.awk: makes the table of completion from the arguments, the codes of
# cert-check, and the tables in the sources that -h prints.
#
#	awk -f table.awk arguments code.c cmd.c ...
#
# A line has fields that end at tabs: a command or "*"; an option, "-j", or
# "-o:" with an argument, or an operand, or the name of some words; the words;
# and what the option does.
BEGIN {
	OFS = "\t"
}

FILENAME ~ /arguments$/ {
	if ($0 !~ /^#/ && split($0, field, "\t") == 3)
		words[field[1], field[2]] = words[field[1], field[2]] \
		    " " field[3]
	next
}

# [CS_CODE_DAMAGED] = { "damaged", CRITICAL, 0,
/^\t\[CS_CODE_/ {
	split($0, field, "\"")
	words["*", "code"] = words["*", "code"] " " field[2]
}

# static const struct cmd_opt opts[] = { ... };
/cmd_opt (opts|common)\[\] = / {
	inside = 1
	text = ""
}

inside {
	text = text $0
	if ($0 !~ /};/)
		next
	inside = 0
	if (text ~ /common\[\]/)
		common = text
}

# .name = "cert-list",
/^\t\.name = "cert-/ {
	split($0, field, "\"")
	table[field[2]] = text
}

END {
	for (command in table)
		options(command, table[command] common)
	for (key in words) {
		split(key, field, SUBSEP)
		print field[1], field[2], words[key], ""
	}
	exit bad
}

# options(COMMAND, TEXT): items such as { 'e', "within", "what " "expires" }, of
# which the first with a letter counts.
function options(command, text,    item, letter, arg, seen) {
	while (match(text, /\{ '.', [^}]*\}/)) {
		item = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
		letter = substr(item, 4, 1)
		if (index(seen, letter) > 0)
			continue
		seen = seen letter
		gsub(/\\"/, "\001", item)
		gsub(/"[ \t]+"/, "", item)
		split(item, field, "\"")
		if (item ~ /', NULL,/)
			option(command, "-" letter, "-", field[2])
		else {
			arg = ((command, field[2]) in words) ? command : "*"
			if (!((arg, field[2]) in words)) {
				print "arguments: " command ": no line for " \
				    field[2] >"/dev/stderr"
				bad = 1
			}
			option(command, "-" letter ":", words[arg, field[2]],
			    field[4])
		}
	}
}

function option(command, letter, words, text) {
	gsub(/\001/, "\"", text)
	print command, letter, words, text
}
