"""What pages share: status chips, money, tables, notices, scorecard, progress. A part shows what it is given and asks nobody."""
