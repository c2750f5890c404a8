#!/bin/sh
# Fills corpus/ from the runbooks and test data of this repository.
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/parser corpus/template corpus/selector
for file in ../tests/data/*/*.yaml ../../../../runbooks/*.yaml; do
    cp "$file" "corpus/parser/$(basename "$(dirname "$file")")-$(basename "$file")"
done
n=0
seed() {
    n=$((n + 1))
    printf '%s' "$2" >"corpus/$1/seed-$n"
}
for value in "it's" 'a b' '$(id)' '"\' '%2f' '-rf' 'é'; do
    for template in 'systemctl restart {{ x }}' "echo '{{ x }}' \"{{ v }}\" {{ captured.c }}" '{% if x %}a{% else %}b{% endif %}' \
        '{{ x | default("y") | upper }} {{ k }}' '{{ host.labels.site }}/{{ host.vars.odd }}' '{% for c in x|split(",") %}{{ c }}{% endfor %}'; do
        seed template "s$value
$template"
        seed template "j$value
$template"
        seed template "f$value
$template"
    done
    seed template "u$value
http://a/{{ x }}?b={{ host.vars.odd }}"
    seed template "u$value
{{ host.vars.api_url }}/{{ x }}"
    seed template "w$value
x == 'a' and captured.c in ['b', 1] or captured.c is not defined"
    seed template "e$value
{{ x }}"
done
for selector in 'role=web and site in (ams, fra) and not host~"*-canary" and disk.root.free < 10%' 'web-[01-20] - web-07' \
    '(role=web | role=db) & site=ams' 'os.uptime > 2h30m within 1d' 'label."a.b"!=x or fact.load.1 >= -0.5' '{a,b}?[!x-z]'; do
    seed selector "$selector"
done
