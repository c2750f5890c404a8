
recorded "$path"
