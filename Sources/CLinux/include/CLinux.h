void antipode_placeholder(void);
