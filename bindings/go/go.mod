module github.com/libnipops/libnipops/bindings/go

go 1.19
