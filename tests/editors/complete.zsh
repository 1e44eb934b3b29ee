# usage: zsh complete.zsh FOLDER LINE
#
# What zsh offers at the end of LINE, one a line, with the functions in FOLDER. Completion
# runs only where there is a terminal, so a second zsh gets one (zpty).
zmodload zsh/zpty
zpty -b z zsh -f
send() { zpty -w z "$1"; }
send "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
# instead of showing what would be added, print it
send 'compadd() { [[ $* == *-[OAD]* ]] && { builtin compadd "$@"; return; }; local -a hits; builtin compadd -O hits "$@"; for h in $hits; print "HIT:$h:"; builtin compadd "$@"; }'
send 'bindkey "^I" complete-word; echo READ"Y"'
zpty -r z out '*READY*'
zpty -w -n z "$2"$'\t'
sleep 1
while zpty -r -t z out; do print -r -- "$out"; done | grep -o 'HIT:[^:]*:' | cut -d : -f 2 | sort -u
zpty -d z
