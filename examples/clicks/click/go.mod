module example.com/click

go 1.22
