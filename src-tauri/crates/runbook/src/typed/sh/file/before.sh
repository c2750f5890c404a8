
state "$path"
