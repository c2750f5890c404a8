
# From here on, what was before is what is wanted. Only what the step asked for is taken back.
left_mode=$mode
left_owner=$owner
[ -z "$mode" ] || mode=${was%% *}
[ -z "$owner" ] || owner=${was#* }
