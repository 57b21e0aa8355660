#!/bin/sh
# Managed by LeverEdge: `leveredge harden` writes this file anew, edits are lost. Restores the newest backup of each set for real; exit codes: 0 verified, 10 stale, 12 unverifiable, 13 damaged or missing.
exec @node@ @program@ --config @config@ --state @state@ backups verify --tick "$@"
