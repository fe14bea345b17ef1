blk() { dd bs="$1" count="$2" iflag=fullblock <&3; }
take() { [ "$1" -lt 65536 ] || blk 65536 $(($1 / 65536)); r=$(($1 % 65536)); [ $r = 0 ] || blk $r 1; }
skip() { take "$1" >/dev/null 2>&1; }
all() { cat >"$1" || { cat >/dev/null; false; }; }
rest() { IFS= read -r x <&3; [ "$x" = "$b" ] || { echo 'the contents did not arrive whole' >&2; rm -f "$1"; exit 1; }; }
new() { { [ ! -e "$1" ] && [ ! -L "$1" ]; } || rm -f "$1" || return; (umask 077; set -C; : >"$1"); }
nodir() { if [ -d "$1" ] && [ ! -L "$1" ]; then echo 'is a directory' >&2; return 1; fi; }
into() { if [ -L "$2" ] && [ -d "$2" ]; then rm -f "$2" || return; fi; mv -f "$1" "$2"; }
root() {
[ "$I" ] || while read -r k _ v _; do case $k in Uid:) I=$v;; Gid:) I=$I:$v; break;; esac; done 2>/dev/null </proc/self/status
case $I in *:*) ;; *) I=$(id -u):$(id -g);; esac
[ "$I" = 0:0 ]
}
own() { [ ! "$1" ] || { [ "$1" = root:root ] && root && [ -O "$2" ] && [ -G "$2" ]; } || chown "$1" "$2"; }
as() { case $M in *"|${2%/*} $1|"*) return;; esac; if [ "$(stat -c %a "$2")" = "$1" ]; then M="$M|${2%/*} $1|"; else chmod "$1" "$2"; fi; }
say() {
set -C; printf %s "$1" >"$2"; s=$?; set +C; [ $s = 0 ] && return
rm -f "$2"; set -C; printf %s "$1" | cat >"$2"; s=$?; set +C; return $s
}
M=;I=;K=
side() {
! there "$2" || rm -f "$2" || return
umask "$4"
say "$3" "$2"; s=$?
umask 022
[ $s = 0 ] && own "$6" "$2"
}
txt() {
nodir "$1" || return
side "$@" && as "$5" "$2" && into "$2" "$1" && return
rm -f "$2" 2>/dev/null
return 1
}
pre() { if { nodir "$1" && side "$@"; } 2>/dev/null; then K="$K|$2|"; elif there "$2"; then rm -f "$2" 2>/dev/null; fi; }
moved() { case $K in *"|$1|"*) ! there "$1";; *) false;; esac; }
fin() { moved "$2" || txt "$@"; }
put() {
s=0
if nodir "$1" && new "$2"; then
if [ "$3" -lt 65536 ]; then take "$3" >>"$2"; else take "$3" 2>/dev/null | all "$2"; fi || s=1
else s=1; take "$3" >/dev/null 2>&1; fi
rest "$2"
if [ $s = 0 ] && own "$5" "$2" && chmod "$4" "$2" && into "$2" "$1"; then return 0; fi
rm -f "$2" 2>/dev/null
return 1
}
md() {
if [ -d "$1" ]; then q=; else q=new; mkdir -p -m "$2" "$1" || return; fi
own "$3" "$1" || return
case $q$2 in new00*) [ -g "$1" ] || return 0;; esac
chmod "$2" "$1"
}
ln_() {
nodir "$1" && { ! there "$3" || rm -f "$3"; } || return
there "$1" || { ln -s "$2" "$1"; return; }
ln -s "$2" "$3" && { into "$3" "$1" || { rm -f "$3"; false; }; }
}
