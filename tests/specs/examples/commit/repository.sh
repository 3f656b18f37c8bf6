# A repository in which fixtures/price.diff is staged, and a hook that must not run.
git init -q -b main && git config user.name Ada && git config user.email ada@example.com && git add agents &&
  git commit -qm 'Import catalogues' && git apply --index agents/fixtures/price.diff &&
  printf '#!/bin/sh\ntouch hooked\n' > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit
