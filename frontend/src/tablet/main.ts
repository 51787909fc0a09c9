import '../lib/tokens.css';
