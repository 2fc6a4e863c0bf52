module github.com/dayfly-faas/dayfly

go 1.26
