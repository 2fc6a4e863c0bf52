module sales

go 1.22
