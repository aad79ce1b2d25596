tenant A.example.
