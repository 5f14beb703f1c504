# One-line fronts: everything is in ./hub.
.PHONY: demo test lint docs serve
demo:  ; ./hub demo
test:  ; ./hub test
lint:  ; ./hub lint
docs:  ; ./hub docs
serve: ; ./hub serve
