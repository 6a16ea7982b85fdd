import './theme.css';
import './app';
