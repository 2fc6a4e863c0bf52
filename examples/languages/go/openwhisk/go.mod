module action

go 1.21
