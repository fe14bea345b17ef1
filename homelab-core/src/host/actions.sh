blk() { dd bs="$1" count="$2" iflag=fullblock <&3; }
take() { [ "$1" -lt 65536 ] || blk 65536 $(($1 / 65536)); r=$(($1 % 65536)); [ $r = 0 ] || blk $r 1; }
all() { cat >"$1" || { cat >/dev/null; false; }; }
rest() { IFS= read -r x <&3; [ "$x" = "$b" ] || { echo 'the contents did not arrive whole' >&2; rm -f "$1"; exit 1; }; }
new() { { [ ! -e "$1" ] && [ ! -L "$1" ]; } || rm -f "$1" || return; (umask 077; set -C; : >"$1"); }
nodir() { if [ -d "$1" ] && [ ! -L "$1" ]; then echo 'is a directory' >&2; return 1; fi; }
into() { if [ -L "$2" ] && [ -d "$2" ]; then rm -f "$2" || return; fi; mv -f "$1" "$2"; }
put() {
s=0
if nodir "$1" && new "$2"; then
if [ "$3" -lt 65536 ]; then take "$3" >>"$2"; else take "$3" 2>/dev/null | all "$2"; fi || s=1
else s=1; take "$3" >/dev/null 2>&1; fi
rest "$2"
if [ $s = 0 ] && { [ ! "$5" ] || chown "$5" "$2"; } && chmod "$4" "$2" && into "$2" "$1"; then return 0; fi
rm -f "$2" 2>/dev/null
return 1
}
md() { mkdir -p "$1" && { [ ! "$3" ] || chown "$3" "$1"; } && chmod "$2" "$1"; }
ln_() { nodir "$1" && { there "$3" && rm -f "$3"; ln -s "$2" "$3"; } && { into "$3" "$1" || { rm -f "$3"; false; }; }; }
