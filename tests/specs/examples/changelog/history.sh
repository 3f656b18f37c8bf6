# A git repository of some commits, whose hashes are the same on every machine.
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com GIT_AUTHOR_DATE='2026-01-02T03:04:05Z'
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com GIT_COMMITTER_DATE='2026-01-02T03:04:05Z'
git init -q -b main
git commit -q --allow-empty -m 'Import catalogues'
git tag v1.4.0
echo 'number.replace(",", ".")' > price.py && git add price.py
git commit -q -m 'Read prices in German notation' -m "'1.299,00 €' was a ValueError."
git commit -q --allow-empty -m 'Move the tests'
echo 'sum(round(price, 2))' >> price.py
git commit -q -a -m 'fix rounding'
