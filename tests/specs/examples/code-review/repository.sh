# A repository whose branch has fixtures/price.diff as its one commit more than main.
git init -q -b main && git config user.name Ada && git config user.email ada@example.com && git add agents &&
  git commit -qm 'Import catalogues' && git switch -qc change && git apply --index agents/fixtures/price.diff &&
  git commit -qm 'Read prices in German notation'
