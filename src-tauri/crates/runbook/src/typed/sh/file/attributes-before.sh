
state
