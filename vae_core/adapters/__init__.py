"""Models from outside, behind the contract of Zscape's own."""
