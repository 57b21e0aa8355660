#!/bin/sh
# Managed by LeverEdge: `leveredge harden` writes this file anew, edits are lost. Makes dev's schema equal to prod's; exit codes: 0 equal, 10 drift left, 11 refused, 12 blocked.
exec @node@ @program@ --config @config@ --state @state@ mirror apply --yes --tick mirror "$@"
