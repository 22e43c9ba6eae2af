module bench

go 1.19

require github.com/libnipops/libnipops/bindings/go v0.0.0

replace github.com/libnipops/libnipops/bindings/go => ../../../bindings/go
