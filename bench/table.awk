# What bench/kinds.sh prints, as the table of README.md: bench/kinds.sh BUILD-DIR | awk -f bench/table.awk
/^ns a token/ {
	machine = $0
	sub(/^.* on /, "", machine)
	sub(/:$/, "", machine)
	print "| ns a token, one core of an " machine " | `twrun`, decoding | its best | ONNX Runtime, decoding | its best | best against best |"
	print "|---|---|---|---|---|---|"
}
NF == 8 && $8 ~ /^[0-9]+$/ {
	print "| " $1 " | " $2 " | " $3 " | " $4 " | " $5 " | " $7 " × |"
	differ += $8
}
END { print "\nNumbers that differ: " differ "." }
